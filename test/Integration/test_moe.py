"""Compiled routing and experts against the NumPy reference.

Tolerances: probabilities and sums in f32 carry about 1e-6 of their size; the
layers of an expert take 2e-5. bf16 and f16 results are rounded once.
"""

import numpy as np
import pytest
from cases import Case
from feed_forward_programs import DTYPES, gated_weights, moe_ffn, moe_route
from harness import CallError, assert_close, compile_ir
from hypothesis import given
from hypothesis import strategies as st

from effattn import reference

ROUNDING = {"f32": 2e-5, "bf16": 4e-3, "f16": 6e-4}
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
leadings = st.sampled_from([(0, 3), (1, 1), (1, 5), (3, 17), (5, 3), (40, 1), (7, 0)])
widths = st.sampled_from([0, 1, 2, 7, 16, 33])


def leading_of(rank, leading):
    """``rank`` - 1 sizes with these two last among them."""
    return [(), (leading[1],), leading, (2, *leading)][rank - 1]


# --- moe_route ------------------------------------------------------------


@pytest.mark.parametrize("rank, k, normalize, dtype, weight", [
    (1, 3, True, "f32", "f32"), (2, 1, False, "f32", "f32"), (3, 2, True, "bf16", "f32"),
    (4, 5, False, "f16", "bf16"), (3, 0, True, "f32", "f32"),
])  # fmt: skip
@given(rng=seeds, leading=leadings, width=widths, more=st.sampled_from([0, 1, 3, 20, 300]),
       kind=st.sampled_from(["plain", "plain", "ties", "infinite", "nan"]))  # fmt: skip
def test_moe_route(rng, leading, width, more, kind, rank, k, normalize, dtype, weight):
    x = rng.normal(size=(*leading_of(rank, leading), width))
    w = rng.normal(size=(width, k + more)) / max(width, 1) ** 0.5
    if kind == "ties":  # many equal logits, all exact
        x, w = np.round(x), np.round(2 * w) / 4
    elif kind == "infinite":
        x[rng.random(x.shape) < 0.1] = np.inf
    elif kind == "nan":
        x[rng.random(x.shape) < 0.1] = np.nan
    x, w = x.astype(DTYPES[dtype]), w.astype(DTYPES[weight])
    gates, experts, balance = moe_route(k=k, rank=rank, dtype=dtype, weight=weight, normalize=normalize)(x, w)
    with np.errstate(invalid="ignore"):
        want = reference.moe_route(x, w, k=k, normalize=normalize)
    assert_close(gates, want[0], 2e-6)
    np.testing.assert_array_equal(experts, want[1])
    assert_close(balance, want[2], 1e-5)


def test_equal_columns_tie_wherever_they_stand():
    """In the vectorised part of a loop or behind it, a column is summed alike."""
    rng = np.random.default_rng(0)
    for experts in (5, 9, 17, 33, 259):
        x = rng.normal(size=(50, 37)).astype(np.float32)
        w = np.repeat(rng.normal(size=(37, 1)), experts, axis=1).astype(np.float32)
        gates, chosen, balance = moe_route(k=4, normalize=False)(x, w)
        np.testing.assert_array_equal(chosen, np.tile(np.arange(4), (50, 1)))
        assert_close(gates, np.full((50, 4), 1 / experts), 1e-7)
        assert_close(balance, 1, 1e-6)


def test_experts_without_probability_are_still_ranked():
    """In f32 the power of anything below -104 is 0; the logits still differ."""
    x = np.array([[0, -150, -120, -110, -130, -105, -300, -160]], np.float32)
    gates, experts, _ = moe_route(k=5)(x, np.eye(8, dtype=np.float32))
    np.testing.assert_array_equal(experts, [[0, 5, 3, 2, 4]])
    np.testing.assert_array_equal(experts, reference.moe_route(x, np.eye(8), k=5)[1])
    assert_close(gates, [[1, 0, 0, 0, 0]], 1e-7)


def test_more_choices_than_experts():
    x, w = np.ones((2, 3), np.float32), np.ones((3, 3), np.float32)
    with pytest.raises(CallError, match="expected k to be at most the number of experts, but got 4 and 3"):
        moe_route(k=4)(x, w)


# --- moe_ffn --------------------------------------------------------------


@pytest.mark.parametrize("rank, activation, dtype, gates, experts, weight", [
    (3, "silu", "f32", "f32", "i32", "f32"), (2, "relu", "bf16", "f32", "i64", "bf16"),
    (1, "gelu", "f16", "f16", "i32", "f32"),
])  # fmt: skip
@given(rng=seeds, leading=leadings, width=widths, hidden=widths, count=st.integers(1, 9), choices=st.integers(0, 4))
def test_moe_ffn(rng, leading, width, hidden, count, choices, rank, activation, dtype, gates, experts, weight):
    leading = leading_of(rank, leading)
    x = rng.normal(size=(*leading, width)).astype(DTYPES[dtype])
    scales = rng.normal(size=(*leading, choices)).astype(DTYPES[gates])
    # Any order, and some experts more than once.
    chosen = rng.integers(0, count, (*leading, choices)).astype(experts.replace("i", "int"))
    matrices = gated_weights(rng, count, width=width, hidden=hidden, dtype=weight)
    unused = np.setdiff1d(np.arange(count), chosen)
    for matrix in matrices:
        matrix[unused] = np.nan
    function = moe_ffn(rank=rank, dtype=dtype, gates=gates, experts=experts, weight=weight, activation=activation)
    got = function(x, scales, chosen, *matrices)[0]
    assert got.dtype == x.dtype
    assert_close(got, reference.moe_ffn(x, scales, chosen, *matrices, activation=activation), ROUNDING[dtype])


@pytest.mark.parametrize("count, choices", [(1, 1), (3, 2), (1000, 1)])
def test_more_tiles_than_run_at_once(count, choices):
    """With one expert, with a few, and with about as many as there are tokens."""
    rng = np.random.default_rng(count)
    x = rng.normal(size=(1300, 5)).astype(np.float32)
    gates = rng.normal(size=(1300, choices)).astype(np.float32)
    chosen = rng.integers(0, count, (1300, choices)).astype(np.int32)
    matrices = gated_weights(rng, count, width=5, hidden=6)
    got = moe_ffn()(x, gates, chosen, *matrices)[0]
    assert_close(got, reference.moe_ffn(x, gates, chosen, *matrices), 2e-5)


def test_a_nan_stays_in_its_row():
    rng = np.random.default_rng(3)
    x, gates = rng.normal(size=(40, 9)).astype(np.float32), rng.random((40, 2), np.float32)
    chosen, matrices = rng.integers(0, 3, (40, 2)).astype(np.int32), gated_weights(rng, 3, width=9, hidden=12)
    want = reference.moe_ffn(x, gates, chosen, *matrices)
    x[3, 4] = gates[39, 1] = np.nan
    got = moe_ffn()(x, gates, chosen, *matrices)[0]
    assert np.isnan(got[[3, 39]]).all()
    assert_close(np.delete(got, [3, 39], 0), np.delete(want, [3, 39], 0), 2e-5)


def test_operands_anywhere_in_memory():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(9, 6, 40)).astype(np.float32).transpose(1, 0, 2)[::2, ::-1, ::2]
    gates = rng.normal(size=(6, 9, 5)).astype(np.float32)[::2, :, 1:3]
    chosen = rng.integers(0, 4, (9, 3, 4)).astype(np.int32).transpose(1, 0, 2)[..., ::3]
    matrices = [m[::2, 2:, 1:] for m in gated_weights(rng, 8, width=22, hidden=31)]
    matrices = matrices[0][..., :29], matrices[1][..., 1:], matrices[2][..., :20]
    matrices = [m[:, :20, :28] if m.shape[1] == 20 else m[:, :28] for m in matrices]
    got = moe_ffn(rank=3)(x, gates, chosen, *matrices)[0]
    assert_close(got, reference.moe_ffn(x, gates, chosen, *matrices), 2e-5)


@pytest.mark.parametrize("expert", [-1, 3, 2**31 - 1])
def test_experts_that_do_not_exist(expert):
    x, gates = np.ones((2, 4, 5), np.float32), np.ones((2, 4, 3), np.float32)
    chosen = np.zeros((2, 4, 3), np.int32)
    chosen[1, 2, 1] = expert
    matrices = gated_weights(np.random.default_rng(0), 3, width=5, hidden=2)
    with pytest.raises(CallError, match=rf"expected experts to lie in \[0, 3\), but got {expert} at \[1, 2, 1\]"):
        moe_ffn(rank=3)(x, gates, chosen, *matrices)
    none = [m[:0] for m in matrices]
    with pytest.raises(CallError, match=r"expected experts to lie in \[0, 0\), but got 0 at \[0, 0, 0\]"):
        moe_ffn(rank=3)(x, gates, chosen, *none)
    # Nobody chooses, or nobody is there.
    assert not moe_ffn(rank=3)(x, gates[..., :0], chosen[..., :0], *none)[0].any()
    assert moe_ffn(rank=3)(x[:, :0], gates[:, :0], chosen[:, :0], *none)[0].shape == (2, 0, 5)


# --- Both -----------------------------------------------------------------


@pytest.mark.parametrize("tokens, width, hidden, count, k", [
    (0, 3, 5, 2, 1), (4, 0, 5, 2, 1), (4, 3, 0, 2, 1), (4, 3, 5, 2, 0), (4, 3, 5, 0, 0),
])  # fmt: skip
def test_sizes_known_to_be_zero(tokens, width, hidden, count, k):
    x, w = f"tensor<2x{tokens}x{width}xf32>", f"tensor<{width}x{count}xf32>"
    g, e = f"tensor<2x{tokens}x{k}xf32>", f"tensor<2x{tokens}x{k}xi32>"
    u, d = f"tensor<{count}x{width}x{hidden}xf32>", f"tensor<{count}x{hidden}x{width}xf32>"
    text = f"""
    func.func @f(%x: {x}, %w: {w}, %g: {u}, %u: {u}, %d: {d}) -> ({g}, {e}, tensor<f32>, {x}) {{
      %ge = tensor.empty() : {g}
      %ee = tensor.empty() : {e}
      %be = tensor.empty() : tensor<f32>
      %xe = tensor.empty() : {x}
      %r:3 = effattn.moe_route ins(%x, %w : {x}, {w}) outs(%ge, %ee, %be : {g}, {e}, tensor<f32>) {{k = {k}}}
      %o = effattn.moe_ffn ins(%x, %r#0, %r#1, %g, %u, %d : {x}, {g}, {e}, {u}, {u}, {d}) outs(%xe : {x})
      return %r#0, %r#1, %r#2, %o : {g}, {e}, tensor<f32>, {x}
    }}"""
    rng = np.random.default_rng(0)
    x, w = (rng.normal(size=shape).astype(np.float32) for shape in ((2, tokens, width), (width, count)))
    matrices = gated_weights(rng, count, width=width, hidden=hidden)
    *routed, out = compile_ir(text).f(x, w, *matrices)
    want = reference.moe_route(x, w, k=k)
    for found, wanted in zip(routed, want):
        assert_close(found, wanted, 2e-6)
    assert_close(out, reference.moe_ffn(x, *want[:2], *matrices), 2e-5)


def test_threads_change_no_bit():
    rng = np.random.default_rng(5)
    x, gates = rng.normal(size=(200, 30)).astype(np.float32), rng.random((200, 3), np.float32)
    chosen, matrices = rng.integers(0, 6, (200, 3)).astype(np.int32), gated_weights(rng, 6, width=30, hidden=40)
    first = moe_ffn()(x, gates, chosen, *matrices)[0]
    for _ in range(5):
        np.testing.assert_array_equal(moe_ffn()(x, gates, chosen, *matrices)[0], first)


def test_experts_of_the_worked_case():
    case = Case("moe_k2")
    router, gate, up, down = (np.ascontiguousarray(np.swapaxes(case[name], -1, -2)) for name in ("Wr", "W1", "W3", "W2"))
    params = case.params
    gates, experts, balance = moe_route(k=params["K"], normalize=params["renormalise"])(case["x"], router)
    np.testing.assert_array_equal(experts, case["idx"])
    case.check(gates, "gate")
    case.check([balance], "lb")
    case.check(np.bincount(experts.ravel(), minlength=params["E"]) / experts.size, "load")
    case.check(moe_ffn()(case["x"], gates, experts, gate, up, down)[0], "y")
    gates, experts, _ = moe_route(k=params["E"], normalize=False)(case["x"], router)
    case.check(np.take_along_axis(gates, np.argsort(experts, axis=1), axis=1), "probs")
