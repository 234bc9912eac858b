"""Kernels of systematic attention on the emulator against the reference, around their tiles.

Tensor cores multiply f16 or bf16 heads of static sizes; weights are rounded to that type before
they meet values. All other operands are multiplied as f32.
"""

import functools
import os

import harness
import numpy as np
import pytest
import test_systematic
from test_systematic import BOTH, CAUSAL, Program, check

F16, BF16 = ("f16",) * 5, ("bf16",) * 5
# Values of some units times weights that are rounded, and the rounding of the result.
TOLERANCE = {"f32": 2e-5, "f16": 1.5e-3, "bf16": 1.2e-2}
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
LONG = bool(os.environ.get("EFFATTN_LONG"))
# Queries of a key head, keys, and R: around 16, 64 and 128, more keys than one block takes alone,
# tiles that are far on both sides, and none that is.
SIZES = [(1, 1, 1), (3, 300, 0), (16, 64, 5), (17, 63, 90), (127, 200, 17), (129, 129, 1), (1, 1100, 40), (40, 600, 33)]


@functools.lru_cache(maxsize=None)
def compiled(program):
    return harness.compile_ir(program.text(), "--target=nvptx-emulated")


@pytest.fixture(autouse=True)
def tolerances(monkeypatch):
    monkeypatch.setattr(test_systematic, "TOLERANCE", TOLERANCE)


@pytest.mark.parametrize("seed", range(20) if LONG else (0, 1, 2))
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_tiles(program, seed, monkeypatch):
    monkeypatch.setenv("EFFATTN_EMULATOR_SEED", str(seed))
    rng = np.random.default_rng(seed)
    width, value_width = (33 if size == "?" else size for size in program.widths)
    for queries, keys, reach in SIZES if LONG else SIZES[seed::3]:
        share = int(rng.integers(1, 4)) if queries % 3 else 3
        special = [None, None, np.nan][rng.integers(3)]
        check(
            program, compiled(program), rng, int(rng.integers(1, 3)), int(rng.integers(1, 3)), share,
            max(queries // share, 1), keys, width, value_width, reach, special,
        )  # fmt: skip
    check(program, compiled(program), rng, 1, 1, 2, 0, 5, width, value_width, 2)
    check(program, compiled(program), rng, 1, 1, 2, 5, 0, width, value_width, 2)
