"""Instructions of a lane, votes and reductions of a warp, and atomic operations on the emulator, against NumPy."""

import harness
import kernels
import numpy as np
import pytest

LANES = np.arange(32)


def words(seed, count=32):
    return np.random.default_rng(seed).integers(-(2**31), 2**31, count, dtype=np.int64).astype(np.int32)


def each(op, *inputs, kind="i32", like=None):
    """What lanes have in `%got` after `op`, which reads `%v0`, `%v1`, ... of their lane."""
    like = inputs[0] if like is None else like
    body = "".join(kernels.read(f"%v{i}", f"%in{i}", "%t", v) for i, v in enumerate(inputs)) + op + "\n"
    return kernels.run(body + kernels.store("%got", "%out0", "%t", like), inputs, [like])[0]


# ---- Arithmetic ----

EDGES = np.array([0, -0.0, 1, -1, 0.5, -3.25, 127, -126, -130, -149, -151, 128, np.inf, -np.inf, np.nan, 1e-40], np.float32)
FLOATS = np.concatenate([EDGES, np.random.default_rng(3).normal(size=16).astype(np.float32) * 20])
TINY = np.float32(2.0**-126)


def flushed(x):
    return np.where(np.abs(x) < TINY, np.copysign(np.float32(0), x), x)


@pytest.mark.parametrize("ftz", ["", ".ftz"])
@pytest.mark.parametrize(
    "name, meaning",
    [
        ("ex2.approx", np.exp2),
        ("lg2.approx", np.log2),
        ("rcp.approx", lambda x: 1 / x),
        ("rsqrt.approx", lambda x: 1 / np.sqrt(x)),
        ("sqrt.approx", np.sqrt),
        ("tanh.approx", np.tanh),
    ],
)
@pytest.mark.parametrize("form", ["intrinsic", "$0, $1", "{$w0}, {$r0}"])
def test_approximated_functions(name, meaning, ftz, form):
    if (name == "rcp.approx" and not ftz) or (name == "tanh.approx" and ftz) or (name == "tanh.approx" and form == "intrinsic"):
        pytest.skip("there is no such instruction")
    if form == "intrinsic":
        op = f'%got = llvm.call_intrinsic "llvm.nvvm.{name}{ftz}.f"(%v0) : (f32) -> f32'
    else:
        op = f'%got = nvvm.inline_ptx "{name}{ftz}.f32 {form};" ro(%v0 : f32) -> f32'
    with np.errstate(all="ignore"):
        want = meaning(flushed(FLOATS) if ftz else FLOATS)
        want = flushed(want) if ftz else want
    got = each(op, FLOATS)
    np.testing.assert_array_max_ulp(got[~np.isnan(want)], want[~np.isnan(want)], 2)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))


def test_reciprocals_are_an_op_too():
    got = each("%got = nvvm.rcp.approx.ftz.f %v0 : f32", FLOATS)
    np.testing.assert_array_max_ulp(got[16:], 1 / FLOATS[16:], 1)


def test_least_greatest_and_products_with_a_sum():
    x, y, z = FLOATS, np.roll(FLOATS, 5), np.roll(FLOATS, 11)
    for name, want in [("fmax", np.fmax(x, y)), ("fmin", np.fmin(x, y))]:
        got = each(f'%got = llvm.call_intrinsic "llvm.nvvm.{name}.f"(%v0, %v1) : (f32, f32) -> f32', x, y)
        np.testing.assert_array_equal(got, want)
    signs = each('%got = llvm.call_intrinsic "llvm.nvvm.fmax.f"(%v0, %v1) : (f32, f32) -> f32', *[np.array([0, -0.0] * 16, np.float32), np.array([-0.0, 0] * 16, np.float32)])
    assert not np.signbit(signs).any()
    got = each('%got = llvm.call_intrinsic "llvm.nvvm.fma.rn.f"(%v0, %v1, %v2) : (f32, f32, f32) -> f32', x, y, z)
    with np.errstate(all="ignore"):
        want = (x.astype(np.float64) * y + z).astype(np.float32)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("rounding", ["rna", "rn", "rz"])
def test_rounding_to_tf32(rounding):
    bits = words(4).view(np.uint32)
    bits[:4] = [0x3F801000, 0x3F803000, 0xBF801000, 0x7F800000]
    x = bits.view(np.float32)
    got = each(f"%got = nvvm.convert.float.to.tf32 %v0 {{rnd = #nvvm.fp_rnd_mode<{rounding}>}}", x, like=words(0))
    low, high = bits & 0x1FFF, bits & ~np.uint32(0x1FFF)
    up = {"rna": low >= 0x1000, "rn": (low > 0x1000) | ((low == 0x1000) & (bits >> 13 & 1 == 1)), "rz": low < 0}[rounding]
    finite = np.isfinite(x)
    np.testing.assert_array_equal(got.view(np.uint32)[finite], (high + np.uint32(0x2000) * up)[finite])


@pytest.mark.parametrize("a", ["signed", "unsigned"])
@pytest.mark.parametrize("b", ["signed", "unsigned"])
def test_products_of_four_bytes(a, b):
    x, y, z = words(1), words(2), words(3)
    op = f"""
    %b0 = llvm.bitcast %v0 : i32 to vector<4xi8>
    %b1 = llvm.bitcast %v1 : i32 to vector<4xi8>
    %got = nvvm.dot.accumulate.4way %b0 <{a}>, %b1 <{b}>, %v2 : vector<4xi8>, vector<4xi8>
    """
    sign = {"signed": np.int8, "unsigned": np.uint8}
    left, right = (v.view(sign[s]).reshape(32, 4).astype(np.int64) for v, s in ((x, a), (y, b)))
    np.testing.assert_array_equal(each(op, x, y, z), (z + (left * right).sum(1)).astype(np.int32))
    name = f"llvm.nvvm.idp4a.{a[0]}.{b[0]}"
    np.testing.assert_array_equal(each(f'%got = llvm.call_intrinsic "{name}"(%v0, %v1, %v2) : (i32, i32, i32) -> i32', x, y, z), each(op, x, y, z))


def test_permuted_bytes():
    x, y, choice = words(1), words(2), words(3)
    got = each("%got = nvvm.prmt #nvvm.permute_mode<default> %v2, %v0, %v1 : i32", x, y, choice)
    pool = np.concatenate([x.view(np.uint8).reshape(32, 4), y.view(np.uint8).reshape(32, 4)], axis=1)
    want = np.empty((32, 4), np.uint8)
    for i in range(4):
        nibble = choice.view(np.uint32) >> np.uint32(4 * i) & np.uint32(15)
        byte = pool[LANES, nibble & 7]
        want[:, i] = np.where(nibble & 8, np.where(byte & 128, 255, 0), byte)
    np.testing.assert_array_equal(got, want.view(np.int32)[:, 0])


def test_other_instructions_are_refused():
    for op in ['nvvm.inline_ptx "ex2.approx.f32 $1, $0;" ro(%v0 : f32) -> f32', 'llvm.call_intrinsic "llvm.nvvm.sin.approx.f"(%v0) : (f32) -> f32',
               'llvm.inline_asm "mov.f32 $0, $1;", "=f,f" %v0 : (f32) -> f32']:  # fmt: skip
        with pytest.raises(harness.CompileError, match="has no emulation"):
            each("%got = " + op, FLOATS)


# ---- Votes, matches, reductions ----


@pytest.mark.parametrize("mask", [0xFFFFFFFF, 0x0F0F00FF])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_votes(mask, share):
    ayes = (np.random.default_rng(5).random(32) < share).astype(np.int32)
    inside = mask >> LANES & 1 == 1
    ballot = int((ayes[inside].astype(np.int64) << LANES[inside]).sum())
    want = {"any": ayes[inside].any(), "all": ayes[inside].all(), "uni": len(set(ayes[inside])) == 1, "ballot": ballot}
    for kind, result in want.items():
        bits = "i32" if kind == "ballot" else "i1"
        op = f"""
        %mask = arith.constant {mask} : i32
        %mine = arith.shrui %mask, %lane : i32
        %odd = arith.andi %mine, %c1 : i32
        %inside = arith.cmpi eq, %odd, %c1 : i32
        %aye = arith.cmpi eq, %v0, %c1 : i32
        %got = scf.if %inside -> i32 {{
          %vote = nvvm.vote.sync {kind} %mask, %aye -> {bits}
          %wide = {"arith.addi %vote, %c0 : i32" if kind == "ballot" else "arith.extui %vote : i1 to i32"}
          scf.yield %wide : i32
        }} else {{
          scf.yield %c0 : i32
        }}
        """
        np.testing.assert_array_equal(each(op, ayes).view(np.uint32), np.where(inside, np.uint32(result), 0), kind)


def test_matches():
    value = words(6) % 4
    equal = ((value[:, None] == value[None, :]).astype(np.uint64) << LANES.astype(np.uint64)).sum(1).astype(np.uint32)
    got = each("%got = nvvm.match.sync any %full, %v0 : i32 -> i32", value)
    np.testing.assert_array_equal(got.view(np.uint32), equal)
    all_of_them = """
    %pair = nvvm.match.sync all %full, %v0 : i32 -> !llvm.struct<(i32, i1)>
    %lanes = llvm.extractvalue %pair[0] : !llvm.struct<(i32, i1)>
    %flag = llvm.extractvalue %pair[1] : !llvm.struct<(i32, i1)>
    %got = arith.select %flag, %lanes, %c2 : i32
    """
    np.testing.assert_array_equal(each(all_of_them, value), 2)
    np.testing.assert_array_equal(each(all_of_them, value * 0), -1)


@pytest.mark.parametrize("kind", ["add", "and", "or", "xor", "min", "max", "umin", "umax"])
def test_reductions(kind):
    value = words(7)
    function = {"add": np.add, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}.get(kind)
    function = function or (np.minimum if kind.endswith("min") else np.maximum)
    seen = value.view(np.uint32) if kind.startswith("u") else value
    got = each(f"%got = nvvm.redux.sync {kind} %v0, %full : i32 -> i32", value)
    np.testing.assert_array_equal(got.view(seen.dtype), function.reduce(seen, dtype=seen.dtype))


# ---- Atomic operations ----


@pytest.fixture(params=["0", "1", "12345"])
def seed(request, monkeypatch):
    monkeypatch.setenv("EFFATTN_EMULATOR_SEED", request.param)


ATOMIC = """
    %blockindex = arith.index_cast %b : index to i32
    %i128 = arith.constant 128 : index
    %row = arith.muli %b, %i128 : index
    %at = arith.addi %row, %t : index
    %v = memref.load %in0[%at] : memref<384x{0}, strided<[1], offset: ?>>
    %old = memref.atomic_rmw {1} %v, %out0[%i3] : ({0}, memref<8x{0}, strided<[1], offset: ?>>) -> {0}
"""


@pytest.mark.parametrize("kind, name, function", [(np.int32, "addi", np.add), (np.int64, "addi", np.add), (np.float32, "addf", np.add), (np.int32, "maxs", np.maximum), (np.int32, "minu", np.minimum), (np.int32, "ori", np.bitwise_or), (np.int32, "andi", np.bitwise_and)])
def test_atomic_operations_on_global_memory(seed, kind, name, function):
    value = np.random.default_rng(8).integers(0, 2**10, 384).astype(kind)
    into = np.full(8, 77, kind)
    # Outputs begin as what is there already: the kernel sees them cleared by a kernel before it.
    body = ATOMIC.format(kernels.TYPES[np.dtype(kind)], name)
    (got,) = kernels.run(body, [value], [into], threads=128, blocks=3, first=into)
    np.testing.assert_array_equal(got, np.r_[into[:3], function.reduce(np.r_[value, into[:1]]), into[4:]])


def test_atomic_operations_and_others_race(seed):
    body = ATOMIC.format("i32", "addi") + "gpu.barrier\n%seen = memref.load %out0[%i3] : memref<8xi32, strided<[1], offset: ?>>\nmemref.store %seen, %out0[%i4] : memref<8xi32, strided<[1], offset: ?>>\n"
    value, into = np.ones(384, np.int32), np.zeros(8, np.int32)
    with pytest.raises(harness.CallError, match="in any order"):
        kernels.run(body, [value], [into], threads=128, blocks=3, first=into)


def test_atomic_operations_on_shared_memory(seed):
    """A histogram: who reads it waits for all others."""
    value = words(9, 384) % 8
    histogram = """
    %few = arith.cmpi ult, %t, %i8 : index
    scf.if %few {
      memref.store %c0, %s[%t] : memref<8xi32, #gpu.address_space<workgroup>>
    }
    gpu.barrier
    %v = memref.load %in0[%t] : memref<384xi32, strided<[1], offset: ?>>
    %bin = arith.index_cast %v : i32 to index
    %old = memref.atomic_rmw addi %c1, %s[%bin] : (i32, memref<8xi32, #gpu.address_space<workgroup>>) -> i32
    BARRIER
    scf.if %few {
      %count = memref.load %s[%t] : memref<8xi32, #gpu.address_space<workgroup>>
      memref.store %count, %out0[%t] : memref<8xi32, strided<[1], offset: ?>>
    }
    """
    shape = {"threads": 384, "workgroup": "%s : memref<8xi32, #gpu.address_space<workgroup>>"}
    value = np.abs(value)
    (got,) = kernels.run(histogram.replace("BARRIER", "gpu.barrier"), [value], [np.zeros(8, np.int32)], **shape)
    np.testing.assert_array_equal(got, np.bincount(value, minlength=8))
    with pytest.raises(harness.CallError, match="(reads|writes) byte .* in any order"):
        kernels.run(histogram.replace("BARRIER", ""), [value], [np.zeros(8, np.int32)], **shape)
