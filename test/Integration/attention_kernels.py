"""What tests of kernels of attention on the emulator share: sizes around their tiles, and tolerances.

Tensor cores multiply f16 or bf16 heads of static sizes; weights are rounded to that type before
they meet values. All other operands are multiplied as f32.
"""

import os

import harness
import numpy as np

# Values of some units times weights that are rounded, and the rounding of the result.
TOLERANCE = {"f32": 2e-5, "f16": 1.5e-3, "bf16": 1.2e-2}
LONG = bool(os.environ.get("EFFATTN_LONG"))
SEEDS = range(20) if LONG else (0, 1, 2)


def check_tiles(check, program, sizes, seed, *others, flags=()):
    """Call `check` with sizes (queries of a key head, keys, more that it takes), and without queries or keys.

    In a short run a seed has a third of the sizes. `others` are what `check` takes more in the end, and
    `flags` those of the compiler.
    """
    compiled = harness.compile_ir(program.text(), "--target=nvptx-emulated", *flags)
    rng = np.random.default_rng(seed)
    width, value_width = (33 if size == "?" else size for size in program.widths)
    for queries, keys, *more in sizes if LONG else sizes[seed::3]:
        share = int(rng.integers(1, 4)) if queries % 3 else 3
        special = [None, None, np.nan][rng.integers(3)]
        check(
            program, compiled, rng, int(rng.integers(1, 3)), int(rng.integers(1, 3)), share,
            max(queries // share, 1), keys, width, value_width, *more, special,
        )  # fmt: skip
    for queries, keys in ((0, 5), (5, 0)):
        check(program, compiled, rng, 1, 1, 2, queries, keys, width, value_width, *others)
