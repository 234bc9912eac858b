# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the machine can do, measured in the process and with the threads of the rows."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

import numpy as np

from benchmarks import peers
from benchmarks.rows import Row
from benchmarks.runner import Settings, measure

TURNS = 300_000
# From what fits the cache of a core to what fits none.
SIZES = tuple(size << 10 for size in (1 << 10, 8 << 10, 64 << 10, 512 << 10))
ARITHMETIC = ("f32", "bf16", "i8")

Rates = Dict[str, Any]
"""Operations a second by type, and ``memory``: (bytes, read a second, written a second)."""


def probe(settings: Settings, sizes: Tuple[int, ...] = SIZES, turns: int = TURNS) -> Rates:
    """What the machine can do with the threads of this process.

    Where the instructions of a narrow type are slower than those of f32, or missing, its peak is that of
    f32, which it can be converted to. Memory is as NumPy allocates it: large arrays in large pages.
    """
    library = peers.native()
    runs = {kind: getattr(library, f"peak_{kind}") for kind in ARITHMETIC}
    operations = {kind: run(turns) for kind, run in runs.items()}
    known = [kind for kind in ARITHMETIC if operations[kind]]
    calls = {kind: lambda run=runs[kind]: run(turns) for kind in known}
    buffer = np.ones(max(sizes) // 8, np.uint64)
    for size in sizes:
        calls[f"read {size}"] = lambda size=size: library.read_memory(buffer.ctypes.data, size)
        calls[f"write {size}"] = lambda size=size: library.write_memory(buffer.ctypes.data, size)
    times = measure(calls, dict.fromkeys(calls, 0.0), settings)
    # The best of all rounds: a bound is what the machine can do when left alone.
    rates: Rates = {kind: operations[kind] / min(times[kind]) for kind in known}
    rates.update({kind: max(rates["f32"], rates.get(kind, 0.0)) for kind in ARITHMETIC})
    rates["instructions"] = {kind: operations[kind] / min(times[kind]) for kind in known}
    rates["memory"] = [
        (size, size / min(times[f"read {size}"]), size / min(times[f"write {size}"])) for size in sizes
    ]
    return rates


def memory_rates(rates: Rates, footprint: float) -> Tuple[float, float]:
    """Bytes read and written a second in memory of this size, between the sizes that were probed."""
    sizes, read, written = zip(*rates["memory"])
    place = np.log(max(footprint, 1.0))
    return float(np.interp(place, np.log(sizes), read)), float(np.interp(place, np.log(sizes), written))


def bound(row: Row, rates: Rates) -> Optional[Tuple[float, str]]:
    """The least seconds that a row can take on this machine, and what bounds it."""
    if not rates:
        return None
    read, written = memory_rates(rates, row.footprint or row.read + row.written)
    arithmetic = row.flops / rates[row.arithmetic]
    memory = row.read / read + row.written / written
    if not arithmetic and not memory:
        return None
    return (arithmetic, f"{row.arithmetic} arithmetic") if arithmetic >= memory else (memory, "memory")
