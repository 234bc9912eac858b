"""Kernels of systematic attention on the emulator against the reference, around their tiles."""

import pytest
import test_systematic
from attention_kernels import SEEDS, TOLERANCE, check_tiles
from test_systematic import BOTH, CAUSAL, Program, check

F16, BF16 = ("f16",) * 5, ("bf16",) * 5
PROGRAMS = [
    Program("causal_64", CAUSAL, BOTH, BF16, widths=(64, 64)),
    Program("all_16", None, BOTH, F16, widths=(16, 24)),
    Program("separator_32", ("separator", 2, 30, True), BOTH, F16, widths=(32, 32)),
    Program("window_8", ("and", CAUSAL, ("window", 70)), BOTH[1:], BF16, widths=(8, 40)),
    Program("dense_128", ("dense",), BOTH, F16, widths=(128, 128)),
    Program("keys_32", CAUSAL, BOTH[:1], BF16, widths=(32, 16)),
    Program("streams_of_two_types", CAUSAL, (), ("f16", "f16", "f16", "f32", "f16"), widths=(16, 16)),
    Program("table_of_another_type", CAUSAL, BOTH, ("f16",) * 4 + ("f32",), widths=(16, 16)),
    Program("any_width", CAUSAL, BOTH),
]
# Queries of a key head, keys, and R: around 16, 64 and 128, more keys than one block takes alone,
# tiles that are far on both sides, and none that is.
SIZES = [(1, 1, 1), (3, 300, 0), (16, 64, 5), (17, 63, 90), (127, 200, 17), (129, 129, 1), (1, 1100, 40), (40, 600, 33)]


@pytest.fixture(autouse=True)
def tolerances(monkeypatch):
    monkeypatch.setattr(test_systematic, "TOLERANCE", TOLERANCE)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_tiles(program, seed, monkeypatch):
    monkeypatch.setenv("EFFATTN_EMULATOR_SEED", str(seed))
    check_tiles(check, program, SIZES, seed, 2)
