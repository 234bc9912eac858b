# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What calls of ops take, refuse, keep and share; ``test_ops`` says that they compute the right thing."""

import gc
import resource
import sys
import threading
import time

import ml_dtypes
import numpy as np
import pytest

import effattn
from effattn import ops
from effattn.ops import eager

H = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
MASK = np.array([[True, False, True], [False, False, True]])
QKV = (np.ones((1, 2, 3, 4), np.float32),) * 3
WEIGHTS = np.full((1, 2, 2), 0.5, np.float32)
SLOTS = np.array([[[0, 1], [1, 2]]], np.int32)
VALUES = np.ones((1, 2, 3), np.float32)


def memory_operands():
    return (
        WEIGHTS,
        SLOTS,
        VALUES,
        WEIGHTS,
        SLOTS,
        np.ones((1, 4, 3), np.float32),
        np.ones((1, 4), np.float32),
    )


# --- What is taken ---------------------------------------------------------------------------------


@pytest.mark.parametrize("integer", [np.int32, np.int64])
def test_integers_are_of_32_or_64_bits(integer):
    assert np.array_equal(ops.boundary_count(MASK, lengths=np.array([1, 3], integer))[0], [1, 1])
    found = ops.address_memory(*memory_operands()[:1], SLOTS.astype(integer), *memory_operands()[2:])
    assert np.array_equal(found[1], ops.address_memory(*memory_operands())[1])


def test_flags_are_bool_or_bytes():
    assert np.array_equal(ops.boundary_count(MASK.astype(np.uint8))[0], [2, 1])


def test_lists_and_numbers_are_taken():
    assert np.array_equal(ops.boundary_count(MASK.tolist(), lengths=[1, 3])[0], [1, 1])
    assert np.array_equal(ops.rms_norm(H, [0, 0, 0, 0]), np.zeros_like(H))
    assert ops.ratio_loss([[0.5]], [[True]], ratio=2) == pytest.approx(1.0)
    masks = [
        ops.materialize_mask(ops.causal_mask(), batch=1, queries=2, keys=2, offset=o)
        for o in (0, np.int32(0), [0])
    ]
    assert all(np.array_equal(mask, masks[0]) for mask in masks)


def test_flags_of_rows_may_be_any_integers():
    codes4, codes8 = np.array([[0x21]], np.uint8), np.array([[3, 4]], np.int8)
    for kinds in ([1, 0], np.array([1, 0]), np.array([1, 0], np.uint8), np.array([True, False])):
        found = ops.quantized_embedding([0, 1], codes4, codes8, kinds, [0, 0], np.ones((2, 1), np.float32))
        assert np.array_equal(found, [[3, 4], [1, 2]])
    signed = ops.quantized_embedding([0, 1], codes4.view(np.int8), codes8, [1, 0], [0, 0], [[1], [1]])
    assert np.array_equal(signed, [[3, 4], [1, 2]])


def test_scalar_results_are_numbers():
    largest = ops.boundary_count(MASK)[1]
    assert isinstance(largest, np.int32) and largest == 2


class Borrowed:
    """What another library lends by DLPack alone."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        if self.array.dtype.name == "bfloat16":
            # What NumPy says of a capsule of bf16.
            raise RuntimeError("Unsupported dtype in DLTensor.")
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return 1, 0


class Converted(Borrowed):
    """What another library lends to NumPy as well."""

    def __array__(self, dtype=None, copy=None):
        return self.array


def test_arrays_of_other_libraries_are_taken():
    wanted = ops.rms_norm(H, H[0, 0])
    assert np.array_equal(ops.rms_norm(Borrowed(H), Borrowed(H[0, 0])), wanted)
    bf16 = H.astype(ml_dtypes.bfloat16)
    assert np.array_equal(ops.rms_norm(Converted(bf16), bf16[0, 0]), ops.rms_norm(bf16, bf16[0, 0]))
    with pytest.raises(effattn.Error, match="cannot borrow the memory of x: Unsupported dtype"):
        ops.rms_norm(Borrowed(bf16), bf16[0, 0])


def test_frozen_arrays_are_taken():
    frozen = H.copy()
    frozen.flags.writeable = False
    assert ops.chunk(frozen, MASK)[0].shape == (2, 2, 4)


def test_chunk_takes_the_largest_count():
    concepts, counts = ops.chunk(H, MASK)
    assert concepts.shape == (2, 2, 4) and np.array_equal(counts, [2, 1])
    assert ops.chunk(H, MASK, capacity=np.int64(5))[0].shape == (2, 5, 4)
    assert ops.chunk(H, ~MASK & MASK)[0].shape == (2, 0, 4)


def test_results_have_the_type_of_the_operands():
    for dtype in (np.float32, np.float16, ml_dtypes.bfloat16):
        p, last = ops.boundary_probability(H.astype(dtype), H.astype(dtype))
        assert p.dtype == np.float32 and last.dtype == dtype
        q = QKV[0].astype(dtype)
        assert ops.attention(q, *QKV[1:]).dtype == dtype
    assert ops.attention(*QKV, lowering="reference").dtype == np.float64


# --- One compilation for a signature ---------------------------------------------------------------


def compilations(work):
    before = len(eager._functions._values)
    work()
    return len(eager._functions._values) - before


def test_sizes_share_a_compilation():
    ops.chunk(H, MASK, capacity=1, overflow="drop")
    assert (
        compilations(
            lambda: [ops.chunk(H[:, :t], MASK[:, :t], capacity=t, overflow="drop") for t in range(4)]
        )
        == 0
    )
    mask = ops.causal_mask() & ops.window_mask(size=3)
    ops.materialize_mask(mask, batch=1, queries=1, keys=1)
    assert compilations(lambda: ops.materialize_mask(mask, batch=2, heads=3, queries=4, keys=5)) == 0


def test_types_and_attributes_do_not_share_a_compilation():
    x = H[0]
    assert compilations(lambda: [ops.top_k(x, k=k) for k in (3, 4, 3)]) == 2
    assert compilations(lambda: [ops.top_k(x.astype(np.float16), k=3)]) == 1


def test_threads_compile_a_signature_once():
    problems, results = [], []
    count = compilations(
        lambda: run_threads(8, lambda i: results.append(ops.layer_norm(H, H[0, 0] * i)), problems)
    )
    assert count == 1 and not problems and len(results) == 8


def test_threads_call_different_ops():
    problems = []

    def work(index):
        for size in range(30):
            x = np.full((size, index + 1), index, np.float32)
            values, _ = ops.top_k(x, k=1)
            assert np.all(values == index)
            assert ops.boundary_count(np.ones((index + 1, size), bool))[1] == size

    run_threads(4, work, problems)
    assert not problems, problems


def run_threads(count, work, problems):
    def guarded(index):
        try:
            work(index)
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_failed_compilation_is_tried_again():
    for _ in range(2):
        with pytest.raises(effattn.Error, match="temperature to be positive"):
            ops.product_softmax(H, temperature=0)


# --- States ------------------------------------------------------------------------------------------


def test_states_are_updated_in_place_when_donated():
    wanted = ops.address_memory(*memory_operands())
    operands = memory_operands()
    kept = ops.address_memory(*operands)
    assert kept[1] is not operands[5] and np.array_equal(operands[5], np.ones((1, 4, 3)))
    given = ops.address_memory(*operands, donate=True)
    assert given[1] is operands[5] and given[2] is operands[6]
    assert all(np.array_equal(a, b) for a, b in zip(given, wanted))
    y, p = np.ones((2, 1, 4), np.float32), np.full((2, 3), 0.5, np.float32)
    state = np.ones((2, 4), np.float32)
    assert ops.dechunk(y, p, MASK, state=state, donate=True)[1] is state
    assert ops.dechunk(y, p, MASK, donate=True)[1].shape == (2, 4)


def test_a_failing_op_leaves_donated_states():
    operands = list(memory_operands())
    operands[1] = SLOTS + 2
    with pytest.raises(effattn.Error, match="write_indices"):
        ops.address_memory(*operands, donate=True)
    assert np.array_equal(operands[5], np.ones((1, 4, 3)))


def test_cache_states_are_named_tuples():
    shapes = (
        ((1, 1, 5, 2), np.float32),
        ((1, 1, 5, 2), np.float32),
        ((1, 5), bool),
        (1, np.int64),
        (1, np.int64),
    )
    state = [np.zeros(*shape) for shape in shapes]
    layout = {"initial": 1, "separators": 1, "window": 2, "capacity": 4, "when": "after_attention"}
    new = np.ones((1, 1, 1, 2), np.float32)
    for _ in range(7):
        state = ops.separator_cache_append(list(state), new, new, [[True]], **layout, donate=True)
        state = ops.separator_cache_compact(state, **layout)
    assert isinstance(state, ops.SeparatorCache) and 0 < state.length[0] <= 4
    with pytest.raises(
        effattn.Error, match="state to hold keys, values, flags, length, separator_end, but got 4"
    ):
        ops.separator_cache_compact(state[:4], **layout)


# --- What is refused -----------------------------------------------------------------------------------

REFUSED = {
    "rank": (
        lambda: ops.chunk(H[0], MASK, capacity=1),
        r"expected h to have rank 3 \(B x T x C\), but got rank 2",
    ),
    "open rank": (lambda: ops.top_k(np.float32(1), k=1), "expected x to have rank at least 1"),
    "rows": (lambda: ops.chunk(H, MASK[:1], capacity=1), "'mask': expected .* with B = 2 as in input 0 'h'"),
    "double": (
        lambda: ops.rms_norm(H.astype(float), H[0, 0]),
        "expected x to hold f32 or bf16 or f16, but got f64",
    ),
    "integers for reals": (lambda: ops.rms_norm(H.astype(int), H[0, 0]), "but got i64"),
    "reals for integers": (
        lambda: ops.boundary_count(MASK, lengths=[0.5, 1]),
        "expected lengths to hold i32 or i64",
    ),
    "reals for flags": (lambda: ops.boundary_count(H[0]), "expected mask to hold bool, but got f32"),
    "short integers": (lambda: ops.boundary_count(MASK, lengths=np.zeros(2, np.int16)), "but got i16"),
    "text": (lambda: ops.top_k(np.array(["a"]), k=1), "expected x to hold .*, but got <U1"),
    "nothing": (lambda: ops.top_k(None, k=1), "expected x to be an array, but got None"),
    "an object": (lambda: ops.top_k(object(), k=1), "expected x to be an array, but got object"),
    "mixed types": (
        lambda: ops.boundary_probability(H, H.astype(np.float16)),
        "expected k to hold f32 as operands before it, but got f16",
    ),
    "wide integers": (
        lambda: ops.cyclic_shift(np.full((1, 1, 1), 2**32), [[0]], mode="flat", digits=1, base=2),
        "expected indices to fit 32 bits, but got 4294967296",
    ),
    "ragged lists": (
        lambda: ops.boundary_count([[True], [True, False]]),
        "expected mask to hold bool, but got",
    ),
    "attribute type": (lambda: ops.top_k(H, k=1.5), "expected k to be an integer, but got 1.5"),
    "negative k": (lambda: ops.top_k(H, k=-1), "expected k to be at least 0, but got -1"),
    "large k": (lambda: ops.top_k(H, k=5), "k to be at most .*, but got 5 and 4"),
    "enumeration": (
        lambda: ops.chunk(H, MASK, overflow="wrap"),
        "overflow to be one of error, drop, but got 'wrap'",
    ),
    "flag": (
        lambda: ops.rms_norm(H, H[0, 0], unit_offset=1),
        "expected unit_offset to be True or False, but got 1",
    ),
    "number": (lambda: ops.rms_norm(H, H[0, 0], epsilon="x"), "expected epsilon to be a number, but got 'x'"),
    "list": (
        lambda: ops.separator_positions([[1]], separators=3),
        "expected separators to be a list of integers",
    ),
    "capacity": (lambda: ops.chunk(H, MASK, capacity=-1), "expected capacity to be at least 0, but got -1"),
    "wide capacity": (
        lambda: ops.chunk(H, MASK, capacity=2**63),
        "capacity to be at most 9223372036854775807, but got 9223372036854775808",
    ),
    "memory": (
        lambda: ops.chunk(H, MASK, capacity=2**62),
        r"cannot allocate output 0 'concepts': f32\[2, 4611686018427387904, 4\]",
    ),
    "leading ranks": (
        lambda: ops.moe_ffn(H, H[0], [[0]], H, H, H),
        "leading dimensions of gates to equal those of x, but got 1 and 2",
    ),
    "overflow": (lambda: ops.chunk(H, MASK, capacity=1), "expected at most 1 .*, but got 2"),
    "length": (lambda: ops.boundary_count(MASK, lengths=[1, 4]), "lengths.* 4"),
    "verifier": (lambda: ops.ratio_loss(H[0], MASK, ratio=1), "ratio"),
    "array as mask": (
        lambda: ops.attention(*QKV, mask=MASK),
        "expected a mask, but got ndarray: give arrays to dense_mask",
    ),
    "truth of a mask": (lambda: ops.causal_mask() and ops.causal_mask(), "combine masks with &"),
    "window": (lambda: ops.window_mask(size=0), "size to be at least 1, but got 0"),
    "mask operand": (
        lambda: ops.attention(*QKV, mask=ops.separator_mask(MASK, initial=1, window=1)),
        "is_separator",
    ),
    "slopes": (lambda: ops.attention(*QKV, score="alibi"), "alibi.* and slopes together"),
    "score": (lambda: ops.attention(*QKV, score="bias"), "others are written in IR"),
    "lowering": (lambda: ops.top_k(H, k=1, lowering="gpu"), "lowering to be .* but got 'gpu'"),
    "state": (
        lambda: ops.cache_attention(QKV[0], 3, lowering="reference"),
        "expected state to be five arrays, but got int",
    ),
    "lowering of IR": (
        lambda: ops.top_k(effattn.Module().function("f").input("x", "f32[N]"), k=1, lowering="reference"),
        'expected arrays for lowering "reference"',
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_calls_are_refused(case):
    call, sentence = REFUSED[case]
    with pytest.raises(effattn.Error, match=sentence):
        call()


def test_masks_of_ops_are_drawn(tmp_path):
    effattn.plot.mask_picture(ops.causal_mask(), tmp_path / "mask.png", queries=4, keys=4)
    assert (tmp_path / "mask.png").stat().st_size > 0


def test_unknown_keywords_are_refused():
    with pytest.raises(TypeError, match="k_best"):
        ops.top_k(H, k_best=2)
    with pytest.raises(AttributeError):
        getattr(ops, "topk")


# --- Other libraries -----------------------------------------------------------------------------------


def test_torch_goes_in_and_comes_out():
    torch = pytest.importorskip("torch")
    h, mask = torch.from_numpy(H), torch.from_numpy(MASK)
    for lowering in ("cpu", "linalg", "nvptx-emulated", "reference"):
        concepts, counts = ops.chunk(h, mask, lowering=lowering)
        assert isinstance(concepts, torch.Tensor) and isinstance(counts, torch.Tensor)
        assert np.array_equal(concepts.numpy(), ops.chunk(H, MASK)[0])
    q, k, v = (torch.from_numpy(x).to(torch.bfloat16) for x in QKV)
    mask = ops.separator_mask(torch.tensor([[True, False, False]]), initial=1, window=1)
    for lowering in ("cpu", "reference"):
        kept = ops.materialize_mask(mask, batch=1, queries=3, keys=3, lowering=lowering)
        assert isinstance(kept, torch.Tensor)
    assert ops.attention(q, k, v, mask=mask).dtype == torch.bfloat16
    q, k, v = (x.transpose(2, 3) for x in (q, k, v))
    assert ops.attention(q, k, v).shape == (1, 2, 4, 3)
    operands = [torch.from_numpy(x) for x in memory_operands()]
    operands[1] = operands[1].long()
    assert ops.address_memory(*operands, donate=True)[1] is operands[5]
    signs = torch.complex(h, h).conj().imag
    assert signs.is_neg() and np.array_equal(ops.chunk(signs, torch.from_numpy(MASK))[0], -concepts)
    assert torch.is_tensor(ops.boundary_count(torch.from_numpy(MASK).to(torch.uint8), lengths=[1, 2])[1])


# --- Cost ----------------------------------------------------------------------------------------------


def test_calls_do_not_leak():
    x = np.ones((64, 64), np.float32)

    def calls(count):
        for _ in range(count):
            ops.top_k(x, k=64)
        gc.collect()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = calls(500)
    # A leak of the results would be 320 MiB.
    assert calls(10_000) - before < 10_000


def test_call_overhead(capsys):
    x = np.ones((1, 1), np.float32)
    ops.top_k(x, k=1)
    start = time.perf_counter()
    for _ in range(1000):
        ops.top_k(x, k=1)
    with capsys.disabled():
        print(
            f"\na call of an op takes {1e3 * (time.perf_counter() - start):.1f} us", end=" ", file=sys.stdout
        )
