"""Compiled feed-forward layers against the NumPy reference.

Tolerances: sums of a few hundred products in f32 carry about 1e-6 of the size
of their terms, and the activation and a second sum take 2e-5 at most. Results
in bf16 and f16 are rounded once, by 2^-9 and 2^-12 of their size.
"""

import numpy as np
import pytest
from cases import Case
from feed_forward_programs import DTYPES, gated_ffn, gated_weights, hourglass_ffn
from harness import CallError, assert_close, compile_ir
from hypothesis import given
from hypothesis import strategies as st

from effattn import reference

ROUNDING = {"f32": 2e-5, "bf16": 4e-3, "f16": 6e-4}
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
# Around the tiles of 16 rows, the slabs of 4 and the blocks of 256 columns.
leadings = st.sampled_from([(0, 3), (1, 1), (1, 5), (3, 17), (5, 3), (2, 33), (40, 1), (7, 0)])
widths = st.sampled_from([0, 1, 2, 7, 16, 33, 258])


def rows(rng, shape, dtype):
    return rng.normal(size=shape).astype(DTYPES[dtype])


def leading_of(rank, leading):
    """``rank`` - 1 sizes with these two last among them."""
    return [(), (leading[1],), leading, (2, *leading)][rank - 1]


# --- gated_ffn ------------------------------------------------------------


@pytest.mark.parametrize("rank, activation, dtype, weight", [
    (1, "silu", "f32", "f32"), (2, "gelu", "bf16", "bf16"), (3, "gelu_tanh", "f16", "f16"),
    (4, "relu", "f32", "f32"), (3, "silu", "bf16", "f32"),
])  # fmt: skip
@given(rng=seeds, leading=leadings, width=widths, hidden=widths)
def test_gated_ffn(rng, leading, width, hidden, rank, activation, dtype, weight):
    x = rows(rng, (*leading_of(rank, leading), width), dtype)
    matrices = gated_weights(rng, width=width, hidden=hidden, dtype=weight)
    got = gated_ffn(rank=rank, dtype=dtype, weight=weight, activation=activation)(x, *matrices)[0]
    assert got.dtype == x.dtype
    assert_close(got, reference.gated_ffn(x, *matrices, activation=activation), ROUNDING[dtype])


@pytest.mark.parametrize("flags", [(), ("--lowering=linalg",)], ids=" ".join)
@pytest.mark.parametrize("activation", ["silu", "gelu", "gelu_tanh", "relu"])
def test_activations_far_from_zero(activation, flags):
    """One column through one hidden column: act(x) itself, over all sizes of f32."""
    x = np.concatenate([np.linspace(-120, 120, 481), np.geomspace(1e-38, 1e38, 153), -np.geomspace(1e-38, 1e38, 153),
                        [0.0, -0.0, np.inf, -np.inf, np.nan]])  # fmt: skip
    x = np.stack([x, np.ones_like(x)], axis=1).astype(np.float32)
    gate, up = np.array([[1], [0]], np.float32), np.array([[0], [1]], np.float32)
    got = gated_ffn(activation=activation, flags=flags)(x, gate, up, gate.T.copy())[0][:, 0]
    with np.errstate(invalid="ignore"):
        want = reference.gated_ffn(x, gate, up, gate.T, activation=activation)[:, 0]
    finite = np.isfinite(x[:, 0])
    np.testing.assert_array_equal(np.isnan(got[~finite]), np.isnan(want[~finite]))
    # Far out on the left the reference itself has no digits left: 1 - 1.
    np.testing.assert_allclose(got[finite], want[finite], rtol=2e-5, atol=1e-15)


def test_a_nan_stays_in_its_row():
    rng = np.random.default_rng(3)
    x, matrices = rows(rng, (2, 20, 9), "f32"), gated_weights(rng, width=9, hidden=12)
    x[0, 3, 4] = np.nan
    x[1, 19, 0] = np.inf
    got = gated_ffn(rank=3)(x, *matrices)[0]
    want = reference.gated_ffn(x, *matrices)
    assert not np.isfinite(got[0, 3]).any() and not np.isfinite(got[1, 19]).any()
    assert_close(np.delete(got.reshape(40, 9), [3, 39], 0), np.delete(want.reshape(40, 9), [3, 39], 0), 2e-5)


def test_rows_and_weights_anywhere_in_memory():
    rng = np.random.default_rng(0)
    x = rows(rng, (6, 9, 40), "f32")
    gate, up, down = (rng.normal(size=(60, 60)).astype(np.float32) / 5 for _ in range(3))
    matrices = gate[::3, ::2], up[5:25, 30:], down[:30, :20]
    for view in (x[::2, 1:, :20], x[::-1, :, 3:23].transpose(1, 0, 2), x[..., ::2]):
        assert_close(gated_ffn(rank=3)(view, *matrices)[0], reference.gated_ffn(view, *matrices), 2e-5)


def test_hidden_widths_that_differ():
    gate, up, down = gated_weights(np.random.default_rng(0), width=2, hidden=3)
    x = np.ones((4, 2), np.float32)
    for bad in ([gate[:, :2], up, down], [gate, up, down[:2]]):
        with pytest.raises(CallError, match="F = [23] as in input 1"):
            gated_ffn()(x, *bad)


# --- hourglass_ffn --------------------------------------------------------


@pytest.mark.parametrize("rank, activation, dtype, weight, epsilon", [
    (3, "silu", "f32", "f32", 1e-6), (2, "gelu", "bf16", "f32", 0.1), (1, "relu", "f16", "bf16", 1e-3),
])  # fmt: skip
@given(rng=seeds, leading=leadings, width=widths, hidden=widths, blocks=st.integers(0, 4))
def test_hourglass_ffn(rng, leading, width, hidden, blocks, rank, activation, dtype, weight, epsilon):
    x = rows(rng, (*leading_of(rank, leading), width), dtype)
    norm = rng.normal(size=(blocks, width)).astype(DTYPES[weight])
    matrices = gated_weights(rng, blocks, width=width, hidden=hidden, dtype=weight)
    options = dict(activation=activation, epsilon=epsilon)
    got = hourglass_ffn(rank=rank, dtype=dtype, weight=weight, **options)(x, norm, *matrices)[0]
    assert got.dtype == x.dtype
    # A row of one column is its sign after the norm, whatever its size was.
    assert_close(got, reference.hourglass_ffn(x, norm, *matrices, **options), 2 * ROUNDING[dtype])


def test_rows_stay_f32_between_blocks():
    """Many small steps, each below the rounding of bf16, add up."""
    rng = np.random.default_rng(1)
    x = np.full((3, 8), 100, DTYPES["bf16"])
    norm = np.ones((200, 8), np.float32)
    matrices = [np.full(shape, value, np.float32) for shape, value in
                [((200, 8, 4), 0.5), ((200, 8, 4), 0.5), ((200, 4, 8), 1e-3)]]  # fmt: skip
    got = hourglass_ffn(rank=2, dtype="bf16")(x, norm, *matrices)[0].astype(np.float64)
    want = reference.hourglass_ffn(x, norm, *matrices)
    assert (want > 110).all()
    assert_close(got, want, ROUNDING["bf16"])


def test_hourglass_of_the_worked_case():
    case = Case("hourglass_k3")
    gate, up, down = (np.ascontiguousarray(case[name].transpose(0, 2, 1)) for name in ("Wg", "Wu", "Wd"))
    function = hourglass_ffn(epsilon=case.params["eps"])
    case.check(function(case["x"], case["gamma"], gate, up, down)[0], "y")
    for blocks in range(1, case.params["K"] + 1):
        case.arrays["step"] = case["steps"][blocks - 1]
        part = function(case["x"], case["gamma"][:blocks], gate[:blocks], up[:blocks], down[:blocks])[0]
        case.check(part, "step")


# --- Both -----------------------------------------------------------------

WAYS = [(), ("--cpu=x86-64-v3", "--threads=none"), ("--cpu=x86-64",), ("--lowering=linalg",)]


@pytest.mark.parametrize("flags", WAYS, ids=" ".join)
@pytest.mark.parametrize("activation", ["silu", "gelu", "gelu_tanh", "relu"])
@given(rng=seeds, count=st.sampled_from([0, 1, 6, 9, 65]), width=widths, hidden=widths)
def test_layers_on_any_cpu(flags, activation, rng, count, width, hidden):
    x = rows(rng, (count, width), "f32")
    matrices = gated_weights(rng, width=width, hidden=hidden)
    got = gated_ffn(activation=activation, flags=flags)(x, *matrices)[0]
    assert_close(got, reference.gated_ffn(x, *matrices, activation=activation), 2e-5)


@pytest.mark.parametrize("count", [511, 513, 1030])
def test_blocks_of_rows_and_of_hidden_columns(count):
    """More rows than a block has, and more hidden columns than are computed at a time."""
    rng = np.random.default_rng(count)
    width, hidden = 37, 800
    x, norm = rows(rng, (count, width), "f32"), rng.normal(size=(2, width)).astype(np.float32)
    matrices = gated_weights(rng, 2, width=width, hidden=hidden)
    x[0, 3], x[count - 1, 5] = np.nan, np.inf
    first = [matrix[0] for matrix in matrices]
    with np.errstate(invalid="ignore"):
        wanted = reference.gated_ffn(x, *first), reference.hourglass_ffn(x, norm, *matrices)
    given = gated_ffn()(x, *first)[0], hourglass_ffn()(x, norm, *matrices)[0]
    for got, want, tolerance in zip(given, wanted, (5e-5, 1e-4)):
        assert not np.isfinite(got[[0, -1]]).any()
        assert_close(got[1:-1], want[1:-1], tolerance)


@pytest.mark.parametrize("flags", WAYS[::3], ids=" ".join)
@given(rng=seeds, count=st.sampled_from([1, 9, 70]))
def test_weights_of_different_types(flags, rng, count):
    x = rows(rng, (count, 33), "bf16")
    gate, up, down = gated_weights(rng, width=33, hidden=40)
    up, down = up.astype(DTYPES["bf16"]), down.astype(DTYPES["f16"])
    got = gated_ffn(dtype="bf16", weight="f32 bf16 f16", flags=flags)(x, gate, up, down)[0]
    assert_close(got, reference.gated_ffn(x, gate, up, down), ROUNDING["bf16"])


@given(rng=seeds, step=st.sampled_from([1, 2, -1]))
def test_hourglass_weights_anywhere_in_memory(rng, step):
    x = rows(rng, (20, 24), "f32")[:, ::2]
    norm = rng.normal(size=(6, 24)).astype(np.float32)[::2, ::-2]
    gate, up = (rng.normal(size=(3, 20, 24)).astype(np.float32).transpose(0, 2, 1)[:, ::2, ::step] / 5 for _ in "gu")
    down = rng.normal(size=(3, gate.shape[2], 12)).astype(np.float32) / 5
    got = hourglass_ffn()(x, norm, gate, up, down)[0]
    assert_close(got, reference.hourglass_ffn(x, norm, gate, up, down), 4e-5)


@pytest.mark.parametrize("rows, width, hidden, blocks", [(0, 3, 5, 2), (4, 0, 5, 2), (4, 3, 0, 2), (4, 3, 5, 0)])
def test_sizes_known_to_be_zero(rows, width, hidden, blocks):
    x, n = f"tensor<2x{rows}x{width}xf32>", f"tensor<{blocks}x{width}xf32>"
    w, d = f"tensor<{width}x{hidden}xf32>", f"tensor<{hidden}x{width}xf32>"
    ws, ds = f"tensor<{blocks}x{width}x{hidden}xf32>", f"tensor<{blocks}x{hidden}x{width}xf32>"
    text = f"""
    func.func @f(%x: {x}, %n: {n}, %g: {w}, %u: {w}, %d: {d}, %gs: {ws}, %us: {ws}, %ds: {ds}) -> ({x}, {x}) {{
      %e = tensor.empty() : {x}
      %a = effattn.gated_ffn ins(%x, %g, %u, %d : {x}, {w}, {w}, {d}) outs(%e : {x})
      %b = effattn.hourglass_ffn ins(%x, %n, %gs, %us, %ds : {x}, {n}, {ws}, {ws}, {ds}) outs(%e : {x})
      return %a, %b : {x}, {x}
    }}"""
    rng = np.random.default_rng(0)
    operands = [rng.normal(size=(2, rows, width)), rng.normal(size=(blocks, width)),
                *gated_weights(rng, width=width, hidden=hidden),
                *gated_weights(rng, blocks, width=width, hidden=hidden)]  # fmt: skip
    operands = [a.astype(np.float32) for a in operands]
    gated, hourglass = compile_ir(text).f(*operands)
    assert_close(gated, reference.gated_ffn(operands[0], *operands[2:5]), 2e-5)
    assert_close(hourglass, reference.hourglass_ffn(*operands[:2], *operands[5:]), 2e-5)
