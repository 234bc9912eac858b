"""Kernels that multiply f32 rounded to tf32 (--gpu-tf32), on the emulator against the reference.

tf32 has 10 bits behind the point, as f16. Of operands that tf32 holds, only the weights of attention and the
hidden layers of feed-forward layers are rounded, by 2^-11 of their size; scores and products are as good as in f32.
"""

import functools

import harness
import numpy as np
import pytest
import test_attention
from attention_kernels import LONG, SEEDS, check_tiles
from attention_programs import AttentionProgram
from feed_forward_programs import gated_ffn, gated_weights, hourglass_ffn
from harness import CompileError, assert_close, compile_ir
from test_attention import CAUSAL, MIXED, SINKS, check_attention
from test_attention_kernels import SIZES
from test_contractions import product

from effattn import reference

FLAGS = ("--target=nvptx-emulated", "--gpu-tf32")
F32 = ("f32", "f32", "f32")
ROUNDED_WEIGHTS = 1.5e-3
PROGRAMS = [
    AttentionProgram("separator_64", ("separator", 2, 30, True), ["lengths"], F32, widths=(64, 64)),
    AttentionProgram("causal_128", CAUSAL, ["key_lengths"], F32, widths=(128, 128)),
    AttentionProgram("window_33", ("and", CAUSAL, ("window", 70)), ["offset"], F32, widths=(33, 72)),
    AttentionProgram("causal_32", CAUSAL, ["lengths", "scale"], F32, widths=(32, 32)),
    AttentionProgram("sinks_5", SINKS, ["key_lengths", "key_positions"], F32, widths=(5, 3)),
    AttentionProgram("document_100", ("and", ("document",), CAUSAL), [], F32, widths=(100, 16)),
    AttentionProgram("mixed_64", MIXED, ["lengths", "softcap"], F32, widths=(64, 96)),
    AttentionProgram("wider_129", CAUSAL, [], F32, widths=(129, 64)),
]


def to_tf32(array):
    """Rounded to 10 bits behind the point, ties away from 0; infinities and NaN as they are."""
    bits = np.asarray(array, np.float32).view(np.uint32)
    rounded = ((bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000)).view(np.float32)
    return np.where(np.isfinite(array), rounded, array).astype(np.float32)


def draw(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


@functools.lru_cache(maxsize=None)
def compiled(program):
    return compile_ir(program.text(), *FLAGS)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("program", PROGRAMS if LONG else PROGRAMS[:4], ids=lambda p: p.name)
def test_attention_of_numbers_of_tf32(program, seed, monkeypatch):
    monkeypatch.setenv("EFFATTN_EMULATOR_SEED", str(seed))
    values = test_attention.draw_values
    monkeypatch.setattr(test_attention, "draw_values", lambda *given: to_tf32(values(*given)))
    monkeypatch.setitem(test_attention.TOLERANCE, "f32", ROUNDED_WEIGHTS)
    check_tiles(check_attention, program, SIZES, seed, flags=FLAGS[1:])


@pytest.mark.parametrize("queries", [2, 40])
@pytest.mark.parametrize("program", [PROGRAMS[1], PROGRAMS[3]], ids=lambda p: p.name)
def test_attention_rounds_to_the_nearest(program, queries):
    """Log-sum-exps are those of rounded queries and keys, and not those of the operands."""
    rng = np.random.default_rng(queries)
    width = program.widths[0]
    q, k, v = draw(rng, 1, 1, queries, width) * 4, draw(rng, 1, 1, 70, width), draw(rng, 1, 1, 70, width)
    ends = {"causal_128": np.array([60]), "causal_32": np.array([queries], np.int32)}[program.name]
    out, lse = getattr(compiled(program), program.name)(q, k, v, ends)
    options = {"key_lengths": ends} if program.name == "causal_128" else {"lengths": ends, "scale": 0.25}
    options.update(mask=reference.causal_mask(), return_lse=True)
    want, want_lse = reference.attention(*(to_tf32(x).astype(np.float64) for x in (q, k, v)), **options)
    assert_close(lse, want_lse, 2e-5)
    assert_close(out, want, ROUNDED_WEIGHTS)
    _, exact_lse = reference.attention(*(x.astype(np.float64) for x in (q, k, v)), **options)
    assert np.abs(lse - exact_lse).max() > 1e-4


# Rows of 16 bytes or not; 70 rows take a large tile where columns make enough of them.
@pytest.mark.parametrize("sizes", [(9, 16, 20), (17, 33, 5), (65, 40, 130), (64, 1, 64), (20, 0, 12), (70, 24, 12800)])
@pytest.mark.parametrize("equation", ["ik,kj->ij", "ik,jk->ij", "ki,kj->ij", "ki,jk->ij"])
def test_products_are_those_of_rounded_factors(equation, sizes):
    rng = np.random.default_rng(sum(sizes))
    size = dict(zip("ikj", sizes))
    inputs, result = equation.split("->")
    a, b, start = (draw(rng, *(size[x] for x in part)) for part in (*inputs.split(","), result))
    got = product(equation, *FLAGS)(a, b, start)[0]
    want = start + np.einsum(equation, *(to_tf32(x).astype(np.float64) for x in (a, b)))
    assert_close(got, want, 1e-5)


# Parts of a depth that end inside of a tile, and as many as there may be.
@pytest.mark.parametrize("sizes", [(9, 512, 64), (64, 1031, 65), (17, 777, 5), (70, 2050, 130)])
@pytest.mark.parametrize("equation", ["ik,kj->ij", "ik,jk->ij", "ki,kj->ij", "ki,jk->ij"])
def test_depths_that_blocks_divide(equation, sizes, monkeypatch):
    rng = np.random.default_rng(sum(sizes))
    size = dict(zip("ikj", sizes))
    inputs, result = equation.split("->")
    a, b, start = (draw(rng, *(size[x] for x in part)) for part in (*inputs.split(","), result))
    want = start + np.einsum(equation, *(to_tf32(x).astype(np.float64) for x in (a, b)))
    # Sums are about the root of their depth.
    scale = size["k"] ** 0.5
    found = []
    for seed in range(2):
        monkeypatch.setenv("EFFATTN_EMULATOR_SEED", str(seed))
        found.append(product(equation, *FLAGS)(a, b, start)[0])
        assert_close(found[-1] / scale, want / scale, 1e-5)
    np.testing.assert_array_equal(*found)


def test_infinities_in_some_parts_of_a_depth():
    rng = np.random.default_rng(0)
    a, b, start = draw(rng, 20, 1200), draw(rng, 1200, 36), np.zeros((20, 36), np.float32)
    a[3, 5], a[7, 1100], b[600, 2] = np.inf, np.nan, -np.inf
    a[4, 600], a[3, 600], b[5, 2] = 0, 1, -1
    with np.errstate(invalid="ignore"):
        want = to_tf32(a).astype(np.float64) @ to_tf32(b)
    got = product("ik,kj->ij", *FLAGS)(a, b, start)[0]
    assert_close(got / 35, want / 35, 1e-5)
    assert np.isnan(want[:, 2]).sum() == 2 and want[3, 2] == -np.inf


def test_products_of_batches():
    rng = np.random.default_rng(0)
    a, b, start = draw(rng, 3, 30, 21), draw(rng, 3, 21, 19), draw(rng, 3, 30, 19)
    got = product("bik,bkj->bij", *FLAGS)(a, b, start)[0]
    assert_close(got, start + to_tf32(a).astype(np.float64) @ to_tf32(b), 1e-5)


def test_few_rows_are_not_rounded():
    rng = np.random.default_rng(0)
    a, b, start = draw(rng, 8, 40), draw(rng, 40, 70), draw(rng, 8, 70)
    got = product("ik,kj->ij", *FLAGS)(a, b, start)[0]
    assert_close(got, start + a.astype(np.float64) @ b, 1e-5)


def test_infinities_and_nans_of_products():
    rng = np.random.default_rng(0)
    a, b, start = draw(rng, 40, 24), draw(rng, 24, 36), np.zeros((40, 36), np.float32)
    a[3, 5], a[7, 0], a[9, 2], a[11, 3] = np.inf, -np.inf, np.nan, 0
    b[5, 2], b[3, 30], b[20, 4] = 0, np.inf, np.nan
    with np.errstate(invalid="ignore"):
        want = to_tf32(a).astype(np.float64) @ to_tf32(b)
    assert_close(product("ik,kj->ij", *FLAGS)(a, b, start)[0], want, 1e-5)


@pytest.mark.parametrize("rows, width, hidden", [(40, 64, 96), (33, 35, 21), (20, 520, 600)])
def test_feed_forward_layers(rows, width, hidden):
    rng = np.random.default_rng(rows)
    x, matrices = to_tf32(draw(rng, rows, width)), [to_tf32(w) for w in gated_weights(rng, width=width, hidden=hidden)]
    got = gated_ffn(flags=FLAGS)(x, *matrices)[0]
    want = reference.gated_ffn(x, *matrices)
    assert_close(got, want, ROUNDED_WEIGHTS)
    assert np.abs(got - want).max() > 1e-6, "the hidden layer was not rounded"


def test_hourglass_layers():
    rng = np.random.default_rng(1)
    x, norm = draw(rng, 20, 36), draw(rng, 2, 36)
    matrices = gated_weights(rng, 2, width=36, hidden=28)
    got = hourglass_ffn(flags=FLAGS)(x, norm, *matrices)[0]
    assert_close(got, reference.hourglass_ffn(x, norm, *matrices), 1e-2)


@pytest.mark.parametrize("flags, sentence", [
    (("--target=cpu", "--gpu-tf32"), "--gpu-tf32: expected a --target with kernels, but got cpu"),
    ((*FLAGS, "--lowering=linalg"), "--gpu-tf32: expected --lowering=tuned, but got linalg"),
])  # fmt: skip
def test_options_that_exclude_each_other(flags, sentence):
    with pytest.raises(CompileError) as error:
        harness.compile_ir(PROGRAMS[0].text(), *flags)
    assert str(error.value) == f"effattn-compile: {sentence}"
