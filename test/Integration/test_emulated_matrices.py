"""Matrices of a warp and copies to shared memory on the emulator, against NumPy with the layouts of the PTX ISA."""

import harness
import kernels
import ml_dtypes
import numpy as np
import pytest

LANES = np.arange(32)
GROUP, MEMBER = LANES // 4, LANES % 4
SEEDS = ["0", "1", "12345"]


@pytest.fixture(params=SEEDS)
def seed(request, monkeypatch):
    """Orders in which threads run."""
    monkeypatch.setenv("EFFATTN_EMULATOR_SEED", request.param)


def words(rng, *shape):
    return rng.integers(-(2**31), 2**31, shape, dtype=np.int64).astype(np.int32)


def fault(sentence, body, *arguments, **shape):
    with pytest.raises(harness.CallError, match=sentence) as caught:
        kernels.run(body, *arguments, **shape)
    assert caught.value.code == 5


# ---- ldmatrix ----

# Every lane writes 16 bytes of shared memory, then all load matrices whose rows are where `%in1` says.
LOAD = (
    """
    %memory = gpu.dynamic_shared_memory : !shared
    %words = memref.view %memory[%i0][] : !shared to memref<128xi32, #gpu.address_space<workgroup>>
    scf.for %k = %i0 to %i4 step %i1 {
      %row = arith.muli %t, %i4 : index
      %at = arith.addi %row, %k : index
      %word = memref.load %in0[%at] : memref<128xi32, strided<[1], offset: ?>>
      memref.store %word, %words[%at] : memref<128xi32, #gpu.address_space<workgroup>>
    }
    BARRIER
    %where = memref.load %in1[%t] : memref<32xi32, strided<[1], offset: ?>>
    """
    + kernels.shared_address("%pointer", "%where")
    + """
    %got = nvvm.ldmatrix %pointer {num = COUNT : i32, layout = #nvvm.mma_layout<LAYOUT>,
        shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>}
        : (!llvm.ptr<3>) -> TYPE
    """
)


def load_matrix(count, layout, barrier="gpu.barrier"):
    kind = "i32" if count == 1 else f"!llvm.struct<({', '.join(['i32'] * count)})>"
    like = np.zeros(32, np.int32)
    body = LOAD.replace("COUNT", str(count)).replace("LAYOUT", layout).replace("TYPE", kind).replace("BARRIER", barrier)
    for i in range(count):
        extract = f"llvm.extractvalue %got[{i}] : {kind}" if count > 1 else "arith.addi %got, %c0 : i32"
        body += f"%word{i} = {extract}\n" + kernels.store(f"%word{i}", f"%out{i}", "%t", like)
    return body, [like] * count


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("layout", ["row", "col"])
def test_matrices_are_loaded(seed, count, layout):
    rng = np.random.default_rng(count)
    data, rows = words(rng, 32, 4), rng.permutation(32).astype(np.int32)
    body, outputs = load_matrix(count, layout)
    got = kernels.run(body, [data, rows * 16], outputs, shared=512)
    for m in range(count):
        matrix = data.view(np.uint16)[rows[8 * m : 8 * m + 8]]
        matrix = matrix.T if layout == "col" else matrix
        np.testing.assert_array_equal(got[m], np.ascontiguousarray(matrix).view(np.int32)[GROUP, MEMBER])


def test_rows_of_matrices_are_checked(seed):
    data, rows = np.zeros((32, 4), np.int32), 16 * np.arange(32, dtype=np.int32)
    body, outputs = load_matrix(4, "row")
    for bad, sentence in [
        (8, r"thread \(5, 0, 0\): reads 16 bytes at offset 8 of 512 bytes of shared memory, which is no multiple of 16"),
        (512, r"thread \(5, 0, 0\): reads 16 bytes at offset 512 of 512 bytes of shared memory"),
    ]:
        wrong = rows.copy()
        wrong[5] = bad
        fault(sentence, body, [data, wrong], outputs, shared=512)
    # Lanes from 8 on name no row of one matrix.
    wrong[:], wrong[:8] = -1, rows[:8]
    body, outputs = load_matrix(1, "row")
    kernels.run(body, [data, wrong], outputs, shared=512)


def test_matrices_wait_for_what_is_written(seed):
    data, rows = np.zeros((32, 4), np.int32), 16 * np.arange(32, dtype=np.int32)[::-1]
    body, outputs = load_matrix(4, "row", barrier="nvvm.bar.warp.sync %full : i32")
    kernels.run(body, [data, rows], outputs, shared=512)
    body, outputs = load_matrix(4, "row", barrier="")
    fault("reads byte .* of shared memory, which (nobody has written|thread|several)", body, [data, rows], outputs, shared=512)


def test_matrices_need_a_warp():
    body, outputs = load_matrix(4, "row")
    data = [np.zeros((32, 4), np.int32), 16 * np.arange(32, dtype=np.int32)]
    fault("needs a warp of 32 threads", body, data, outputs, shared=512, threads=16)


# ---- mma.sync ----

BITS = {"f16": 16, "bf16": 16, "tf32": 32, "s8": 8, "u8": 8}


def fragments(matrix, bits):
    """The words of every lane: of rows GROUP and GROUP + 8 if there are 16, then the next half of the columns."""
    rows, depth = matrix.shape
    per_word = 32 // bits
    packed = np.ascontiguousarray(matrix).view(np.uint32).reshape(rows, depth // per_word)
    return np.stack([packed[GROUP + r, MEMBER + 4 * half] for half in range(depth // per_word // 4) for r in range(0, rows, 8)]).view(np.int32)


def product(left, right, depth, integers=False, overflow=""):
    kind = "i32" if left not in ("f16",) else "vector<2xf16>"
    sum_kind, count = ("i32" if integers else "f32"), depth * BITS[left] // 64
    like, sums = np.zeros(32, np.int32), np.zeros(32, np.int32 if integers else np.float32)
    body = ""
    for i in range(count + count // 2):
        body += kernels.read(f"%word{i}", f"%in{i}", "%t", like) + f"%f{i} = llvm.bitcast %word{i} : i32 to {kind}\n"
    for i in range(4):
        body += kernels.read(f"%s{i}", f"%in{count + count // 2 + i}", "%t", sums)
    struct = f"!llvm.struct<({', '.join([sum_kind] * 4)})>"
    names = [f"%f{i}" for i in range(count + count // 2)]
    types = "" if left == "f16" else f"multiplicandAPtxType = #nvvm.mma_type<{left}>, multiplicandBPtxType = #nvvm.mma_type<{right}>,"
    body += f"""
    %d = nvvm.mma.sync A[{', '.join(names[:count])}] B[{', '.join(names[count:])}] C[%s0, %s1, %s2, %s3]
        {{layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, {types} {overflow}
         shape = #nvvm.shape<m = 16, n = 8, k = {depth}>}} : ({kind}, {kind}, {sum_kind}) -> {struct}
    """
    for i in range(4):
        body += f"%d{i} = llvm.extractvalue %d[{i}] : {struct}\n" + kernels.store(f"%d{i}", f"%out{i}", "%t", sums)
    return body, [sums] * 4


def multiply(left, right, a, b, c, **options):
    """a @ b.T + c by the emulator, with fragments as the PTX ISA has them."""
    body, outputs = product(left, right, a.shape[1], integers=c.dtype == np.int32, **options)
    where = [(GROUP + 8 * (i // 2), 2 * MEMBER + i % 2) for i in range(4)]
    inputs = [*fragments(a, BITS[left]), *fragments(b, BITS[right]), *(c[w] for w in where)]
    result = np.empty_like(c)
    for w, got in zip(where, kernels.run(body, inputs, outputs)):
        result[w] = got
    return result


@pytest.mark.parametrize("kind, depth", [("f16", 8), ("f16", 16), ("bf16", 8), ("bf16", 16), ("tf32", 4), ("tf32", 8)])
def test_products_of_floats(seed, kind, depth):
    rng = np.random.default_rng(depth)
    dtype = {"f16": np.float16, "bf16": ml_dtypes.bfloat16, "tf32": np.float32}[kind]
    a, b = (rng.normal(size=(n, depth)).astype(dtype) for n in (16, 8))
    c = rng.normal(size=(16, 8)).astype(np.float32)
    if kind == "f16":
        a[3, 2], a[4, 1], b[5, 3] = 6e-8, -3e-6, 65504  # denormals, and the largest
    exact = [x.astype(np.float32) for x in (a, b)]
    if kind == "tf32":  # the low bits are not looked at
        exact = [(x.view(np.uint32) & 0xFFFFE000).view(np.float32) for x in exact]
    want = c.astype(np.float64) + exact[0].astype(np.float64) @ exact[1].T.astype(np.float64)
    harness.assert_close(multiply(kind, kind, a, b, c), want, 3e-6)


def test_products_of_infinities_and_nans():
    a, b = np.ones((16, 16), np.float16), np.ones((8, 16), np.float16)
    c = np.zeros((16, 8), np.float32)
    a[1, 0], a[2, 3], b[4, 5] = np.inf, -np.inf, np.nan
    want = a.astype(np.float32) @ b.T.astype(np.float32)
    np.testing.assert_array_equal(multiply("f16", "f16", a, b, c), want)


@pytest.mark.parametrize("left, right", [("s8", "s8"), ("u8", "s8"), ("s8", "u8"), ("u8", "u8")])
@pytest.mark.parametrize("depth", [16, 32])
def test_products_of_bytes(left, right, depth):
    rng = np.random.default_rng(depth)
    dtypes = {"s8": np.int8, "u8": np.uint8}
    a, b = (rng.integers(0, 256, (n, depth)).astype(np.uint8).view(dtypes[k]) for n, k in ((16, left), (8, right)))
    c = rng.integers(-1000, 1000, (16, 8)).astype(np.int32)
    want = c + a.astype(np.int32) @ b.T.astype(np.int32)
    wrapped = "intOverflowBehavior = #nvvm.mma_int_overflow<wrapped>,"
    np.testing.assert_array_equal(multiply(left, right, a, b, c, overflow=wrapped), want)


@pytest.mark.parametrize("behaviour, most", [("wrapped", -(2**31) + 15), ("satfinite", 2**31 - 1)])
def test_sums_of_bytes_overflow(behaviour, most):
    a, b = np.ones((16, 16), np.int8), np.ones((8, 16), np.int8)
    c = np.full((16, 8), 2**31 - 1, np.int32)
    got = multiply("s8", "s8", a, b, c, overflow=f"intOverflowBehavior = #nvvm.mma_int_overflow<{behaviour}>,")
    np.testing.assert_array_equal(got, most)


# ---- cp.async ----


def copy(size, wait, late_barrier="gpu.barrier", read=True, zeros=""):
    """Every lane copies `size` bytes of its own in each of two groups, and reads what its neighbour has copied first."""
    where = np.zeros(32, np.int32)
    body = "%memory = gpu.dynamic_shared_memory : !shared\n" + f"%size = arith.constant {size} : i32\n%rows = arith.constant {32 * size} : i32\n"
    body += "%offset = arith.muli %lane, %size : i32\n%second = arith.addi %offset, %rows : i32\n"
    for i, at in enumerate(["%offset", "%second"]):
        body += kernels.shared_address(f"%to{i}", at) + kernels.global_address(f"%from{i}", f"%in{i}", "%offset", np.zeros(8 * size, np.int32))
        cache = "cg" if size == 16 else "ca"
        arguments = f"%to{i}, %from{i}, {size}, cache = {cache}" + (", %count : !llvm.ptr<3>, !llvm.ptr<1>, i32" if zeros else " : !llvm.ptr<3>, !llvm.ptr<1>")
        body += (zeros if i == 0 else "") + f"nvvm.cp.async.shared.global {arguments}\nnvvm.cp.async.commit.group\n"
    body += wait + "\n" + late_barrier + f"""
    %next = arith.addi %lane, %c1 : i32
    %other = arith.remui %next, %c32 : i32
    %otherindex = arith.index_cast %other : i32 to index
    %view = memref.view %memory[%i0][] : !shared to memref<{16 * size}xi32, #gpu.address_space<workgroup>>
    %words = arith.constant {size // 4} : index
    %start = arith.muli %otherindex, %words : index
    %end = arith.addi %start, %words : index
    scf.for %k = %start to %end step %i1 {{
      %word = memref.load %view[%k] : memref<{16 * size}xi32, #gpu.address_space<workgroup>>
      memref.store %word, %out0[%k] : memref<{8 * size}xi32, strided<[1], offset: ?>>
    }}
    """
    return body


@pytest.mark.parametrize("size", [4, 8, 16])
def test_copies_arrive(seed, size):
    data = [words(np.random.default_rng(i), 8 * size) for i in range(2)]
    for wait in (1, 0):
        body = copy(size, f"nvvm.cp.async.wait.group {wait}")
        (got,) = kernels.run(body, data, [data[0]], shared=64 * size)
        np.testing.assert_array_equal(got, data[0])


@pytest.mark.parametrize("size, count", [(16, 16), (16, 6), (16, 0), (4, 1)])
def test_copies_end_with_zeros(seed, size, count):
    data = [words(np.random.default_rng(i), 8 * size) for i in range(2)]
    body = copy(size, "nvvm.cp.async.wait.group 0", zeros=f"%count = arith.constant {count} : i32\n")
    (got,) = kernels.run(body, data, [data[0]], shared=64 * size)
    want = data[0].view(np.uint8).reshape(32, size).copy()
    want[:, count:] = 0
    np.testing.assert_array_equal(got, want.view(np.int32).reshape(-1))


def test_copies_that_nobody_waits_for(seed):
    data = [np.zeros(128, np.int32)] * 2
    shape = {"shared": 1024}
    fault("reads byte .* of 1024 bytes of shared memory before its copy has arrived", copy(16, ""), data, data[:1], **shape)
    fault("reads byte .* before its copy has arrived", copy(16, "nvvm.cp.async.wait.group 2"), data, data[:1], **shape)
    # A thread that has waited knows nothing of the copies of another.
    fault("which (thread .* writes in any order|nobody has written)|before its copy has arrived", copy(16, "nvvm.cp.async.wait.group 0", late_barrier=""), data, data[:1], **shape)


def test_copies_are_aligned_and_in_bounds(seed):
    data = [np.zeros(128, np.int32)] * 2
    fault(r"writes 16 bytes at offset \d+ of 512 bytes of shared memory", copy(16, "nvvm.cp.async.wait.group 0"), data, data[:1], shared=512)
    unaligned = copy(16, "nvvm.cp.async.wait.group 0").replace("%offset = arith.muli %lane, %size : i32", "%twice = arith.muli %lane, %size : i32\n%offset = arith.addi %twice, %c8 : i32")
    fault("at offset .*, which is no multiple of 16", unaligned, data, data[:1], shared=2048)
    fault("copies more bytes than its size", copy(16, "", zeros="%count = arith.constant 17 : i32\n"), data, data[:1], shared=1024)
