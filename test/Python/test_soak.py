# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Calls from Python leave no memory behind.

Sizes are random, results are of sizes that the data decides, calls are refused, spans are taken, and threads
begin and end. EFFATTN_SOAK_SECONDS is the time, 3 by default.
"""

import ctypes
import gc
import os
import pathlib
import sys
import threading
import time

import numpy as np
import pytest
from compiler import needs_compiler

import effattn

pytestmark = [needs_compiler, pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and glibc")]

CONCEPTS = pathlib.Path(__file__).parents[2] / "docs" / "examples" / "concepts.mlir"
SLACK = 4096


def resident_kilobytes():
    """Of the process, once the C library has given back what it can."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def call(concepts, random):
    batch, tokens, width = random.integers(1, 3), random.integers(1, 60), random.integers(1, 30)
    shapes = [(batch, tokens, width), *3 * [(width, width)], (batch, width)]
    rows, *matrices, last = (random.standard_normal(shape, np.float32) for shape in shapes)
    results = concepts(rows, *matrices, last, np.ones(batch, bool), last)
    assert results[0].shape == rows.shape
    with pytest.raises(effattn.Error):
        concepts(rows[:, :, :0], *matrices, last, np.ones(batch, bool), last)


def test_memory_of_many_calls():
    concepts = effattn.compile(CONCEPTS, threads="none", optimization=1, trace=True)
    random, seconds = np.random.default_rng(0), float(os.environ.get("EFFATTN_SOAK_SECONDS", 3))

    def in_a_thread(seed):
        for _ in range(5):
            call(concepts, np.random.default_rng(seed))
        concepts.spans()

    start, count, before = time.monotonic(), 0, None
    while time.monotonic() < start + seconds or before is None:
        for _ in range(100):
            call(concepts, random)
        threads = [threading.Thread(target=in_a_thread, args=(seed,)) for seed in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert concepts.spans()
        count += 115
        if before is None and time.monotonic() > start + seconds / 4:
            before = resident_kilobytes()
    after = resident_kilobytes()
    print(f"{count} calls, resident {before} kB and then {after} kB")
    assert after < before + SLACK
