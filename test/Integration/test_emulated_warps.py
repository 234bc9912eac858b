"""What threads do together on the emulator, against its meaning in NumPy; and how it ends when they do it wrong."""

import harness
import kernels
import numpy as np
import pytest

LANES = np.arange(32)


@pytest.fixture(params=["0", "1", "12345"], autouse=True)
def seed(request, monkeypatch):
    """Orders in which threads run."""
    monkeypatch.setenv("EFFATTN_EMULATOR_SEED", request.param)


def words(rng, count):
    return rng.integers(-(2**31), 2**31, count, dtype=np.int64).astype(np.int32)


def fault(sentence, body, *arguments, **shape):
    """The kernel ends with this sentence."""
    with pytest.raises(harness.CallError, match=sentence) as caught:
        kernels.run(body, *arguments, **shape)
    assert caught.value.code == 5


# ---- Shuffles ----


def shuffled(kind, value, by, clamp):
    """PTX's shfl.sync of a warp: what each lane gets, and whether it asked for a lane that there is."""
    by, limit, segment = by & 31, clamp & 31, clamp >> 8 & 31
    first = LANES & segment
    last = first | (limit & ~segment)
    source = {"up": LANES - by, "down": LANES + by, "bfly": LANES ^ by, "idx": first | (by & ~segment)}[kind]
    valid = source >= last if kind == "up" else source <= last
    return value[np.where(valid, source, LANES)], valid


@pytest.mark.parametrize("kind", ["up", "down", "bfly", "idx"])
@pytest.mark.parametrize("width", [32, 8, 1])
def test_shuffles(kind, width):
    rng = np.random.default_rng(width)
    value = words(rng, 32)
    # Index takes any lane; the others the same distance in every lane, as reductions do, or different ones.
    by = rng.integers(0, 40, 32, dtype=np.int32)
    clamp = np.int32((32 - width) << 8 | (0 if kind == "up" else 31))
    body = (
        kernels.read("%value", "%in0", "%t", value)
        + kernels.read("%by", "%in1", "%t", by)
        + f"%clamp = arith.constant {clamp} : i32\n"
        + f"%pair = nvvm.shfl.sync {kind} %full, %value, %by, %clamp {{return_value_and_is_valid}}"
        ": i32 -> !llvm.struct<(i32, i1)>\n"
        "%got = llvm.extractvalue %pair[0] : !llvm.struct<(i32, i1)>\n"
        "%valid = llvm.extractvalue %pair[1] : !llvm.struct<(i32, i1)>\n"
        "%flag = arith.extui %valid : i1 to i32\n"
        + kernels.store("%got", "%out0", "%t", value)
        + kernels.store("%flag", "%out1", "%t", value)
    )
    got, flags = kernels.run(body, [value, by], [value, value])
    want, valid = shuffled(kind, value, by, clamp)
    np.testing.assert_array_equal(flags, valid)
    np.testing.assert_array_equal(got, want)


def test_parts_of_a_warp_shuffle_apart():
    """Lanes below 8 and the others take different branches, each with a mask."""
    value = np.arange(32, dtype=np.float32)
    body = (
        kernels.read("%value", "%in0", "%t", value)
        + """
    %low = arith.constant 255 : i32
    %high = arith.constant -256 : i32
    %is_low = arith.cmpi ult, %lane, %c8 : i32
    %got = scf.if %is_low -> f32 {
      %once = nvvm.shfl.sync bfly %low, %value, %c1, %c31 : f32 -> f32
      %twice = nvvm.shfl.sync bfly %low, %once, %c4, %c31 : f32 -> f32
      scf.yield %twice : f32
    } else {
      %once = nvvm.shfl.sync bfly %high, %value, %c2, %c31 : f32 -> f32
      scf.yield %once : f32
    }
    """
        + kernels.store("%got", "%out0", "%t", value)
    )
    (got,) = kernels.run(body, [value], [value])
    np.testing.assert_array_equal(got, value[np.where(LANES < 8, LANES ^ 5, LANES ^ 2)])


def test_a_lane_that_takes_no_part_gives_nothing():
    """In a block of 40 threads the second warp has 8."""
    value = np.arange(40, dtype=np.float32)
    body = (
        kernels.read("%value", "%in0", "%t", value)
        + "%got = nvvm.shfl.sync down %full, %value, %c1, %c31 : f32 -> f32\n"
        + kernels.store("%got", "%out0", "%t", value)
    )
    (got,) = kernels.run(body, [value], [value], threads=40)
    np.testing.assert_array_equal(got[:31], value[1:32])
    assert got[31] == 31
    np.testing.assert_array_equal(got[32:39], value[33:])
    assert np.isnan(got[39])


def test_lanes_and_warps_are_numbered():
    like = np.zeros(96, np.int32)
    names = ["laneid", "warpid", "nwarpid", "warpsize"] + [f"lanemask.{m}" for m in ("eq", "le", "lt", "ge", "gt")]
    body = """
    %wide = arith.constant 12 : index
    %row = arith.muli %ty, %wide : index
    %at = arith.addi %row, %t : index
    """ + "".join(
        f"%v{i} = nvvm.read.ptx.sreg.{name} : i32\n" + kernels.store(f"%v{i}", f"%out{i}", "%at", like)
        for i, name in enumerate(names)
    )
    got = kernels.run(body, [], [like] * len(names), threads=(12, 8))
    lanes, one = np.arange(96) % 32, np.uint64(1)
    own = one << lanes.astype(np.uint64)
    masks = [own, own * 2 - 1, own - 1, 2**32 - own, 2**32 - own * 2]
    want = [lanes, np.arange(96) // 32, np.full(96, 3), np.full(96, 32), *(m.astype(np.uint32).view(np.int32) for m in masks)]
    for name, g, w in zip(names, got, want):
        np.testing.assert_array_equal(g, w, name)


# ---- Barriers ----

TURN = """
    %last = arith.constant {last} : index
    %other = arith.subi %last, %t : index
    %value = memref.load %in0[%t] : memref<{n}xf32, strided<[1], offset: ?>>
    memref.store %value, %s[%t] : memref<{n}xf32, #gpu.address_space<workgroup>>
    {barrier}
    %turned = memref.load %s[%other] : memref<{n}xf32, #gpu.address_space<workgroup>>
    memref.store %turned, %out0[%t] : memref<{n}xf32, strided<[1], offset: ?>>
"""


def turn(n, barrier):
    value = np.arange(n, dtype=np.float32)
    body = TURN.format(n=n, last=n - 1, barrier=barrier)
    return kernels.run(body, [value], [value], threads=n, workgroup=f"%s : memref<{n}xf32, #gpu.address_space<workgroup>>")


@pytest.mark.parametrize("n", [1, 20, 32, 100, 1024])
def test_a_barrier_orders_a_block(n):
    np.testing.assert_array_equal(turn(n, "gpu.barrier")[0], np.arange(n)[::-1])


def test_a_barrier_of_a_warp_orders_a_warp():
    np.testing.assert_array_equal(turn(32, "nvvm.bar.warp.sync %full : i32")[0], np.arange(32)[::-1])
    with pytest.raises(harness.CallError, match="reads byte .* of 256 bytes of shared memory, which "):
        turn(64, "nvvm.bar.warp.sync %full : i32")


def test_a_missing_barrier_is_found():
    with pytest.raises(harness.CallError, match="reads byte .* of 512 bytes of shared memory, which (nobody has written|thread .* writes in any order)"):
        turn(128, "")


def test_a_missing_second_barrier_is_found():
    """Where the numbers are right in most orders: what is read may be written anew."""
    again = "gpu.barrier\n%early = memref.load %s[%other] : memref<64xf32, #gpu.address_space<workgroup>>\nmemref.store %early, %s[%t] : memref<64xf32, #gpu.address_space<workgroup>>\ngpu.barrier"
    with pytest.raises(harness.CallError, match="of shared memory, which (is read by )?(thread|several)"):
        turn(64, again)


@pytest.mark.parametrize("kind", ["popc", "and", "or"])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_barriers_reduce(kind, share):
    value = (np.random.default_rng(1).random(70) < share).astype(np.int32)
    body = (
        kernels.read("%value", "%in0", "%t", value)
        + f"%got = nvvm.barrier #nvvm.reduction<{kind}> %value -> i32\n"
        + kernels.store("%got", "%out0", "%t", value)
    )
    (got,) = kernels.run(body, [value], [value], threads=70)
    want = {"popc": value.sum(), "and": value.all(), "or": value.any()}[kind]
    np.testing.assert_array_equal(got, np.full(70, want))


def test_accesses_of_blocks_have_no_order():
    like = np.zeros(16, np.int32)
    fault("writes byte 0 of a buffer of 64 bytes, which thread .* of another block writes in any order",
          kernels.store("%c1", "%out0", "%i0", like), [], [like], threads=1, blocks=2)  # fmt: skip
    fault("of 64 bytes, which (is read by )?(thread|several).* in any order",
          kernels.read("%v", "%in0", "%i0", like) + "gpu.barrier\n" + "%p = arith.cmpi eq, %t, %i0 : index\nscf.if %p {\n"
          + kernels.store("%v", "%in0", "%i0", like) + "}", [like], [like], threads=40, blocks=3)  # fmt: skip


# ---- What never ends on a GPU ----


def test_a_barrier_that_some_threads_do_not_reach():
    some = "%p = arith.cmpi ult, %t, %i{0} : index\nscf.if %p {{\ngpu.barrier\n}}"
    fault(r"thread \(\d+, 0, 0\): waits for thread \d+, which has ended", some.format(31), threads=64)
    fault(r"is at another barrier than the rest of its warp|waits for thread", some.format(3) + "\ngpu.barrier", threads=64)


def test_a_warp_at_two_barriers():
    body = """
    %p = arith.cmpi ult, %lane, %c16 : i32
    scf.if %p {
      gpu.barrier
    } else {
      memref.store %c1, %out0[%t] : memref<64xi32, strided<[1], offset: ?>>
      gpu.barrier
    }
    """
    fault("is at another barrier than the rest of its warp", body, [], [np.zeros(64, np.int32)], threads=64)


def test_a_lane_that_its_mask_does_not_name():
    fault("is not among the lanes of its mask", "nvvm.bar.warp.sync %c1 : i32")


def test_lanes_that_never_come():
    some = "%p = arith.cmpi ult, %lane, %c16 : i32\nscf.if %p {\nnvvm.bar.warp.sync %full : i32\n}"
    fault(r"waits for thread \d+, which has ended", some)
    fault(r"waits for thread \d+, which waits elsewhere", some + "\ngpu.barrier")


def test_lanes_at_different_instructions():
    body = "%p = arith.cmpi ult, %lane, %c16 : i32\nscf.if %p {\nnvvm.bar.warp.sync %full : i32\n} else {\n%0 = nvvm.shfl.sync up %full, %lane, %c1, %c0 : i32 -> i32\n}"
    fault("is at another instruction than the lanes of its mask", body)


def test_the_emulator_goes_on_after_a_fault():
    for _ in range(3):
        test_lanes_that_never_come()
        test_a_barrier_orders_a_block(100)


# ---- Shared memory ----


def test_shared_memory_has_bounds():
    outside = "%at = arith.constant {0} : index\nmemref.store %c1, %s[%at] : memref<8xi32, #gpu.address_space<workgroup>>"
    shape = {"threads": 1, "workgroup": "%s : memref<8xi32, #gpu.address_space<workgroup>>"}
    kernels.run(outside.format(7), **shape)
    fault("writes 4 bytes at offset 32 of 32 bytes of shared memory", outside.format(8), **shape)
    fault("writes 4 bytes at offset", outside.format(-1), **shape)


DYNAMIC = """
    %memory = gpu.dynamic_shared_memory : !shared
    %view = memref.view %memory[%i0][] : !shared to memref<{0}xi32, #gpu.address_space<workgroup>>
    %at = arith.constant {1} : index
    memref.store %c1, %view[%at] : memref<{0}xi32, #gpu.address_space<workgroup>>
"""


def test_dynamic_shared_memory_has_the_size_of_its_launch():
    kernels.run(DYNAMIC.format(32, 31), threads=1, shared=128)
    fault("writes 4 bytes at offset 128 of 128 bytes of shared memory", DYNAMIC.format(33, 32), threads=1, shared=128)
    fault("writes 4 bytes at offset 0 of 0 bytes of shared memory", DYNAMIC.format(1, 0), threads=1)
    fault("expected at most 232448 bytes of shared memory, but got 232449", DYNAMIC.format(1, 0), threads=1, shared=232449)


def test_shared_memory_begins_with_its_block():
    """The second block does not read what the first has written."""
    body = """
    %first = arith.cmpi eq, %b, %i0 : index
    scf.if %first {
      memref.store %c1, %s[%i0] : memref<1xi32, #gpu.address_space<workgroup>>
    }
    %v = memref.load %s[%i0] : memref<1xi32, #gpu.address_space<workgroup>>
    memref.store %v, %out0[%b] : memref<2xi32, strided<[1], offset: ?>>
    """
    shape = {"threads": 1, "workgroup": "%s : memref<1xi32, #gpu.address_space<workgroup>>"}
    out = [np.zeros(2, np.int32)]
    assert kernels.run(body, [], out, blocks=1, **shape)[0][0] == 1
    fault(r"block \(1, 0, 0\).*reads byte 0 of 4 bytes of shared memory, which nobody has written", body, [], out, blocks=2, **shape)


def test_vectors_are_aligned():
    value = np.arange(16, dtype=np.float32)
    body = """
    %base = memref.extract_aligned_pointer_as_index %in0 : memref<16xf32, strided<[1], offset: ?>> -> index
    %first = arith.constant {0} : index
    %place = arith.addi %base, %first : index
    %number = arith.index_cast %place : index to i64
    %address = llvm.inttoptr %number : i64 to !llvm.ptr
    %got = llvm.load %address : !llvm.ptr -> vector<4xf32>
    %third = vector.extract %got[2] : f32 from vector<4xf32>
    memref.store %third, %out0[%i0] : memref<1xf32, strided<[1], offset: ?>>
    """
    out = [np.zeros(1, np.float32)]
    assert kernels.run(body.format(16), [value], out, threads=1)[0] == 6
    fault("reads 16 bytes at offset 4 of a buffer of 64 bytes, which is no multiple of 16", body.format(4), [value], out, threads=1)


def test_a_block_has_at_most_1024_threads():
    fault("kernel kernel_0: expected 1 to 1024 threads in a block, but got 1025", "%v = arith.addi %c1, %c1 : i32", threads=1025)
