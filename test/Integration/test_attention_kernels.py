"""Kernels of attention on the emulator against the reference, around their tiles."""

import pytest
import test_attention
from attention_kernels import LONG, SEEDS, TOLERANCE, check_tiles
from attention_programs import AttentionProgram
from test_attention import CAUSAL, MIXED, SINKS, check_attention

F16, BF16 = ("f16", "f16", "f16"), ("bf16", "bf16", "bf16")
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
# Queries of a key head and keys: around 16, 64 and 128, and more keys than one block takes alone.
SIZES = [(1, 1), (1, 65), (3, 300), (16, 64), (17, 63), (64, 65), (127, 128), (129, 200), (1, 1100)]


@pytest.fixture(autouse=True)
def tolerances(monkeypatch):
    monkeypatch.setattr(test_attention, "TOLERANCE", TOLERANCE)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("program", PROGRAMS if LONG else PROGRAMS[1:6:2] + PROGRAMS[-1:], ids=lambda p: p.name)
def test_tiles(program, seed, monkeypatch):
    monkeypatch.setenv("EFFATTN_EMULATOR_SEED", str(seed))
    check_tiles(check_attention, program, SIZES, seed)
