# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rounds in which all sides take turns, and what they say.

A round gives every side a slot of time, in an order that is reversed from round to round. The time of a
slot is its fastest call, because other programs can only add to it. Ratios are taken inside of a round,
where the machine was the same for all; their median and quartiles are reported.
"""

from __future__ import annotations

import statistics
import time
from typing import Callable, Dict, List, Mapping, NamedTuple, Sequence

Clock = Callable[[], float]


class Spread(NamedTuple):
    """A median with its quartiles."""

    median: float
    low: float
    high: float


class Settings(NamedTuple):
    rounds: int = 9
    slot: float = 0.06
    """Seconds that a side has in a round; at least one call."""
    budget: float = 20.0
    """Seconds for all rounds of a row; slow rows get fewer rounds."""
    limit: float = 10.0
    """Seconds of a call above which a side is not measured."""
    pause: float = 0.004
    """Seconds between slots, in which the threads of the last side go to sleep."""


def quartiles(values: Sequence[float]) -> Spread:
    """Of at least one value, with linear interpolation."""
    ordered = sorted(values)

    def at(share: float) -> float:
        place = share * (len(ordered) - 1)
        below = int(place)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (place - below) * (ordered[above] - ordered[below])

    return Spread(statistics.median(ordered), at(0.25), at(0.75))


def ratios(ours: Sequence[float], peer: Sequence[float]) -> Spread:
    """Peer time / our time, round by round."""
    return quartiles([theirs / mine for mine, theirs in zip(ours, peer)])


def slot(call: Callable[[], object], seconds: float, expected: float, clock: Clock) -> float:
    """The fastest call of a slot; calls that are short get one first that wakes threads and caches."""
    if expected < seconds / 2:
        call()
    start, fastest = clock(), float("inf")
    while True:
        begin = clock()
        call()
        end = clock()
        fastest = min(fastest, end - begin)
        if end - start >= seconds:
            return fastest


def count_rounds(settings: Settings, expected: Mapping[str, float]) -> int:
    """As many rounds as the budget has, at least one."""
    cost = sum(max(settings.slot, seconds) for seconds in expected.values())
    return max(1, min(settings.rounds, int(settings.budget / max(cost, 1e-9))))


def measure(
    calls: Mapping[str, Callable[[], object]],
    expected: Mapping[str, float],
    settings: Settings,
    clock: Clock = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> Dict[str, List[float]]:
    """Seconds of every side in every round; ``expected`` is about what a call takes."""
    times: Dict[str, List[float]] = {name: [] for name in calls}
    names = list(calls)
    for turn in range(count_rounds(settings, expected)):
        for name in names if turn % 2 == 0 else reversed(names):
            sleep(settings.pause)
            times[name].append(slot(calls[name], settings.slot, expected[name], clock))
    return times
