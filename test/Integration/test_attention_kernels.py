"""Kernels of attention on the emulator against the reference, around their tiles.

Tensor cores multiply f16 or bf16 heads of static sizes; weights are rounded to that type before
they meet values. All other operands are multiplied as f32.
"""

import functools
import os

import harness
import numpy as np
import pytest
import test_attention
from attention_programs import AttentionProgram
from test_attention import CAUSAL, MIXED, SINKS, check_attention

F16, BF16 = ("f16", "f16", "f16"), ("bf16", "bf16", "bf16")
# Values of some units times weights that are rounded, and the rounding of the result.
TOLERANCE = {"f32": 2e-5, "f16": 1.5e-3, "bf16": 1.2e-2}
PROGRAMS = [
    AttentionProgram("all_64", None, [], F16, widths=(64, 64)),
    AttentionProgram("causal_64", CAUSAL, ["lengths", "key_lengths"], BF16, widths=(64, 64)),
    AttentionProgram("causal_128", CAUSAL, [], F16, widths=(128, 128)),
    AttentionProgram("window_80", ("and", CAUSAL, ("window", 70)), ["offset"], F16, widths=(80, 72)),
    AttentionProgram("separator_64", ("separator", 2, 30, True), ["lengths"], F16, widths=(64, 64)),
    AttentionProgram("sinks_5", SINKS, ["key_lengths", "alibi"], BF16, widths=(5, 3)),
    AttentionProgram("sinks_ring_16", SINKS, ["key_positions"], F16, widths=(16, 40)),
    AttentionProgram("document_256", ("and", ("document",), CAUSAL), ["scale"], BF16, widths=(256, 200)),
    AttentionProgram("dense_32", ("dense",), ["softcap"], F16, widths=(32, 16)),
    AttentionProgram("mixed_64", MIXED, ["lengths", "softcap", "scale"], BF16, widths=(64, 96)),
    AttentionProgram("causal_any", CAUSAL, ["key_lengths"]),
    AttentionProgram("separator_any", ("separator", 2, 30, False), ["lengths"], ("f32", "f16", "bf16")),
]
LONG = bool(os.environ.get("EFFATTN_LONG"))
# Queries of a key head and keys: around 16, 64 and 128, and more keys than one block takes alone.
SIZES = [(1, 1), (1, 65), (3, 300), (16, 64), (17, 63), (64, 65), (127, 128), (129, 200), (1, 1100)]


@functools.lru_cache(maxsize=None)
def compiled(program):
    return harness.compile_ir(program.text(), "--target=nvptx-emulated")


@pytest.fixture(autouse=True)
def tolerances(monkeypatch):
    monkeypatch.setattr(test_attention, "TOLERANCE", TOLERANCE)


@pytest.mark.parametrize("seed", range(20) if LONG else (0, 1, 2))
@pytest.mark.parametrize("program", PROGRAMS if LONG else PROGRAMS[1:6:2] + PROGRAMS[-1:], ids=lambda p: p.name)
def test_tiles(program, seed, monkeypatch):
    monkeypatch.setenv("EFFATTN_EMULATOR_SEED", str(seed))
    rng = np.random.default_rng(seed)
    width, value_width = (33 if size == "?" else size for size in program.widths)
    for queries, keys in SIZES if LONG else SIZES[seed::3]:
        share = int(rng.integers(1, 4)) if queries % 3 else 3
        special = [None, None, np.nan][rng.integers(3)]
        check_attention(
            program, compiled(program), rng, int(rng.integers(1, 3)), int(rng.integers(1, 3)), share,
            max(queries // share, 1), keys, width, value_width, special,
        )  # fmt: skip
    check_attention(program, compiled(program), rng, 1, 1, 2, 0, 5, width, value_width)
    check_attention(program, compiled(program), rng, 1, 1, 2, 5, 0, width, value_width)
