"""Compiled norms against the NumPy reference.

Tolerances: results are computed in f64 and rounded at the end, by 2^-24 of
their size in f32, 2^-9 in bf16 and 2^-12 in f16.
"""

import ml_dtypes
import numpy as np
import pytest
from harness import CallError, assert_close, compile_ir
from hypothesis import given
from hypothesis import strategies as st

from effattn import reference

DTYPES = {"f32": np.float32, "bf16": ml_dtypes.bfloat16, "f16": np.float16}
ROUNDING = {"f32": 1e-7, "bf16": 4e-3, "f16": 6e-4}
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def norm(op, rank, *, dtype="f32", weight="f32", bias=False, attributes=""):
    """A compiled norm of ``rank`` dimensions, every size dynamic."""
    x, w = f"tensor<{'?x' * rank}{dtype}>", f"tensor<?x{weight}>"
    sizes = "\n".join(
        f"%c{d} = arith.constant {d} : index\n%d{d} = tensor.dim %x, %c{d} : {x}" for d in range(rank)
    )
    clause, extra = (f"bias(%b : {w})", f", %b: {w}") if bias else ("", "")
    text = f"""
    func.func @f(%x: {x}, %w: {w}{extra}) -> {x} {{
      {sizes}
      %out = tensor.empty({", ".join(f"%d{d}" for d in range(rank))}) : {x}
      %r = effattn.{op} ins(%x, %w : {x}, {w}) {clause} outs(%out : {x}) {{{attributes}}}
      return %r : {x}
    }}"""
    return compile_ir(text).f


def numbers(rng, shape, kind):
    """Rows that are plain, far from 0, huge, tiny, or hold NaN and infinities."""
    x = rng.normal(size=shape)
    if kind == "far":
        x += 1000
    elif kind == "huge":
        x *= 1e38
    elif kind == "tiny":
        x *= 1e-30
    elif kind == "alike":
        x[...] = 3
    elif kind == "special":
        x[rng.random(shape) < 0.03] = np.nan
        x[rng.random(shape) < 0.03] = np.inf
        x[rng.random(shape) < 0.03] = -np.inf
    return x


kinds = st.sampled_from(["plain", "plain", "far", "huge", "tiny", "alike", "special"])
leadings = st.lists(st.integers(0, 4), min_size=3, max_size=3)
columns = st.sampled_from([0, 1, 2, 7, 16, 33, 200])


def cast(x, dtype):
    with np.errstate(over="ignore"):
        return x.astype(DTYPES[dtype])


@pytest.mark.parametrize("rank, unit_offset, epsilon, dtype, weight", [
    (1, False, 1e-6, "f32", "f32"), (2, True, 0.5, "bf16", "f32"),
    (3, False, 1e-5, "f16", "bf16"), (4, True, 0.0, "f32", "f16"),
])  # fmt: skip
@given(rng=seeds, leading=leadings, width=columns, kind=kinds)
def test_rms_norm(rng, leading, width, kind, rank, unit_offset, epsilon, dtype, weight):
    x = cast(numbers(rng, (*leading[: rank - 1], width), kind), dtype)
    w = rng.normal(size=width).astype(DTYPES[weight])
    attributes = f"unit_offset = {str(unit_offset).lower()}, epsilon = {epsilon:e}"
    got = norm("rms_norm", x.ndim, dtype=dtype, weight=weight, attributes=attributes)(x, w)[0]
    with np.errstate(all="ignore"):
        want = reference.rms_norm(x, w, epsilon=epsilon, unit_offset=unit_offset)
    assert got.dtype == x.dtype
    assert_close(got, want, ROUNDING[dtype])


@pytest.mark.parametrize("rank, bias, epsilon, dtype, weight", [
    (3, False, 1e-5, "f32", "f32"), (1, True, 0.5, "bf16", "f32"),
    (4, True, 1e-5, "f16", "f16"), (2, True, 0.0, "f32", "bf16"),
])  # fmt: skip
@given(rng=seeds, leading=leadings, width=columns, kind=kinds)
def test_layer_norm(rng, leading, width, kind, rank, bias, epsilon, dtype, weight):
    x = cast(numbers(rng, (*leading[: rank - 1], width), kind), dtype)
    w, b = (rng.normal(size=width).astype(DTYPES[weight]) for _ in range(2))
    function = norm("layer_norm", x.ndim, dtype=dtype, weight=weight, bias=bias, attributes=f"epsilon = {epsilon:e}")
    got = function(x, w, *([b] if bias else []))[0]
    with np.errstate(all="ignore"):
        want = reference.layer_norm(x, w, bias=b if bias else None, epsilon=epsilon)
    assert got.dtype == x.dtype
    # A variance of nothing but rounding, which one column always has, is no
    # more than rounding here and there; epsilon = 0 makes it the scale.
    if epsilon or (width > 1 and kind != "alike"):
        assert_close(got, want, ROUNDING[dtype])


def test_rows_anywhere_in_memory():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, 5, 40)).astype(np.float32)
    w, b = rng.normal(size=(2, 20)).astype(np.float32)
    for view in (x[::2, 1:, :20], x[::-1, :, 3:23].transpose(1, 0, 2), x[..., ::2]):
        assert_close(norm("rms_norm", 3)(view, w)[0], reference.rms_norm(view, w), 1e-7)
        assert_close(
            norm("layer_norm", 3, bias=True)(view, w, b)[0], reference.layer_norm(view, w, bias=b), 1e-7
        )


@pytest.mark.parametrize("shape", ["0", "3x0", "0x4", "2x0x4"])
def test_sizes_known_to_be_zero(shape):
    sizes = [int(size) for size in shape.split("x")]
    x, w = f"tensor<{shape}xf32>", f"tensor<{sizes[-1]}xf32>"
    text = f"""
    func.func @f(%x: {x}, %w: {w}) -> ({x}, {x}) {{
      %e = tensor.empty() : {x}
      %a = effattn.rms_norm ins(%x, %w : {x}, {w}) outs(%e : {x})
      %b = effattn.layer_norm ins(%x, %w : {x}, {w}) bias(%w : {w}) outs(%e : {x})
      return %a, %b : {x}, {x}
    }}"""
    for out in compile_ir(text).f(np.zeros(sizes, np.float32), np.zeros(sizes[-1], np.float32)):
        assert out.shape == tuple(sizes)


def test_widths_that_differ():
    x, w = np.ones((2, 3), np.float32), np.ones(4, np.float32)
    with pytest.raises(CallError, match="input 1 'arg1': expected .* C = 3 .* but got f32.4."):
        norm("rms_norm", 4)(x[None, None], w)
    with pytest.raises(CallError, match="input 2 'arg2': expected .* C = 3 .* but got f32.4."):
        norm("layer_norm", 3, bias=True)(x[None], w[:3], w)
