# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How fast a compiled model is, beside its peers: ``python -m effattn bench``.

What a side needs to start is measured in a process of its own. Then all sides are in one process and take
turns: in each round every side does the same once, in an order that is reversed from round to round.
Reported are medians with the least and the most; ratios are taken inside of rounds.
"""

from __future__ import annotations

import multiprocessing
import pathlib
import re
import resource
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from typing import Any, Callable, Dict, List, NamedTuple, Sequence

import numpy as np
from tqdm import tqdm

from effattn.error import Error
from effattn.models.sides import OURS, SIDES, Plan, Side

PAUSE = 0.3
"""Seconds between turns, in which the threads of the last side go to sleep."""


class Spread(NamedTuple):
    """A median with the least and the most."""

    median: float
    least: float
    most: float


class Start(NamedTuple):
    """What a side needs in a process of its own, beside its packages.

    Attributes:
        seconds: to load the model and know what follows one token.
        peak: bytes of the process at most, with a text of the context.
        caches: bytes of the caches with it.
    """

    seconds: float
    peak: int
    caches: int


@dataclass
class Report:
    """What was measured.

    Attributes:
        threads: of each side.
        starts: by side.
        rates: tokens a second by work and side.
        ratios: how many times as fast ours is, by work and peer.
        missing: why a side was not measured.
    """

    threads: int
    starts: Dict[str, Start] = field(default_factory=dict)
    rates: Dict[str, Dict[str, Spread]] = field(default_factory=dict)
    ratios: Dict[str, Dict[str, Spread]] = field(default_factory=dict)
    missing: Dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> Dict[str, Any]:
        """For JSON, with names in place of the order of fields."""
        found = asdict(self)
        found["starts"] = {side: start._asdict() for side, start in self.starts.items()}
        for table in ("rates", "ratios"):
            rows = getattr(self, table).items()
            found[table] = {work: {k: spread._asdict() for k, spread in row.items()} for work, row in rows}
        return found


def spread(values: Sequence[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values))


# --- Starting ------------------------------------------------------------------------------------------


def _peak() -> int:
    """Bytes that this process had at most; another program that it came from does not count."""
    try:
        found = re.search(r"VmHWM:\s*(\d+) kB", pathlib.Path("/proc/self/status").read_text())
    except OSError:
        found = None
    return 1024 * (int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _start(name: str, plan: Plan, ids: Sequence[int]) -> Start:
    """In a process of its own."""
    SIDES[name].packages()
    began = time.perf_counter()
    side = SIDES[name](plan)
    side.take(ids[:1])
    seconds = time.perf_counter() - began
    side.forget()
    side.take(ids)
    return Start(seconds, _peak(), side.cache_bytes())


def start(name: str, plan: Plan, ids: Sequence[int]) -> Start:
    """What a side needs to start and at most.

    Raises:
        effattn.Error: it is not installed, or its process ended early.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(_start, name, plan, ids).result()
        except BrokenProcessPool:
            raise Error("its process ended early: is there too little memory?") from None


# --- Speed ---------------------------------------------------------------------------------------------


class Work(NamedTuple):
    """Something that all sides do.

    Attributes:
        name: what it is.
        before: tokens that each side has before its first turn.
        tokens: that it takes in a turn.
        at_once: whether as a text of its own, and not one by one behind those before.
    """

    name: str
    before: int
    tokens: int
    at_once: bool


def works(prefill: Sequence[int], context: Sequence[int], tokens: int) -> List[Work]:
    first = [Work(f"prefill {count}", 0, count, True) for count in prefill]
    return first + [Work(f"decode at {count}", count, tokens, False) for count in context]


def room(work: Work, rounds: int) -> int:
    """Tokens that caches hold at the end."""
    return work.tokens if work.at_once else work.before + rounds * work.tokens


def _turn(side: Side, work: Work, ids: Sequence[int]) -> float:
    """Seconds of a turn."""
    if work.at_once:
        side.forget()
    began = time.perf_counter()
    if work.at_once:
        side.take(ids)
    else:
        for token in ids:
            side.take([token])
    return time.perf_counter() - began


def measure(
    sides: Dict[str, Side], work: Work, rounds: int, ids: Sequence[int], done: Callable[[], object]
) -> Dict[str, List[float]]:
    """Seconds of all turns by side."""
    for side in sides.values():
        side.forget()
        if work.before:
            side.take(ids[: work.before])
    seconds: Dict[str, List[float]] = {name: [] for name in sides}
    for turn in range(rounds):
        place = work.before if work.at_once else work.before + turn * work.tokens
        for name in list(sides)[:: 1 if turn % 2 == 0 else -1]:
            time.sleep(PAUSE)
            seconds[name].append(_turn(sides[name], work, ids[place : place + work.tokens]))
        done()
    return seconds


def bench(plan: Plan, names: Sequence[str], todo: Sequence[Work], rounds: int, vocabulary: int) -> Report:
    """Measure our side and peers by name.

    Raises:
        effattn.Error: our side fails.
    """
    report = Report(plan.threads)
    # What tokens these are changes nothing.
    ids = np.random.default_rng(0).integers(0, vocabulary, plan.context).tolist()
    sides: Dict[str, Side] = {}
    with tqdm(total=len(names) + rounds * len(todo), leave=False, disable=None) as bar:
        for name in names:
            bar.set_description(f"{name}: start")
            try:
                started = start(name, plan, ids)
                sides[name] = SIDES[name](plan)
                report.starts[name] = started
            except Exception as error:  # a peer that fails is named, and the others go on
                if name == OURS:
                    raise
                report.missing[name] = " ".join(str(error).split()) or type(error).__name__
            bar.update()
        for work in todo:
            bar.set_description(work.name)
            seconds = measure(sides, work, rounds, ids, bar.update)
            report.rates[work.name] = {
                name: spread([work.tokens / value for value in values]) for name, values in seconds.items()
            }
            report.ratios[work.name] = {
                name: spread([theirs / mine for theirs, mine in zip(values, seconds[OURS])])
                for name, values in seconds.items()
                if name != OURS
            }
    return report


# --- Tables --------------------------------------------------------------------------------------------


def table(report: Report) -> List[List[str]]:
    """Rows of words, the first of them the heads."""
    sides = list(report.starts)
    peers = [name for name in sides if name != OURS]
    rows = [["", *sides, *(f"times {name}" for name in peers)]]
    for work, rates in report.rates.items():
        ratios = report.ratios[work]
        rows.append(
            [f"{work}, tokens a second"]
            + [_spread_text(rates[name], 4) for name in sides]
            + [_spread_text(ratios[name], 3) for name in peers]
        )
    starts = report.starts
    rows.append(["start, s", *(f"{starts[name].seconds:.2f}" for name in sides)])
    rows.append(["memory at most, MB", *(f"{starts[name].peak / 1e6:.0f}" for name in sides)])
    rows.append(["caches, MB", *(f"{starts[name].caches / 1e6:.1f}" for name in sides)])
    return [row + [""] * (len(rows[0]) - len(row)) for row in rows]


def _spread_text(found: Spread, digits: int) -> str:
    median, least, most = (_short(value, digits) for value in found)
    return f"{median} ({least}-{most})"


def _short(value: float, digits: int) -> str:
    """So many digits at least, without an exponent."""
    before = len(str(int(value)))
    return f"{value:.{max(0, digits - before)}f}" if before < digits else f"{value:.0f}"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def plain(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip() for row in rows)
