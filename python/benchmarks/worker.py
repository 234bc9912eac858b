# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures rows in a process of its own, whose libraries all have the same number of threads.

Reads a request from standard input as JSON and writes events, a line of JSON each, to the file
descriptor that it names: {"probes": ..}, then {"begin": name} and {"row": ..} for every row.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, Callable, Dict, Optional, Tuple

from benchmarks import rows
from benchmarks.machine import Others
from benchmarks.probes import bound, probe
from benchmarks.rows import Case, NotMeasured, Peer, Row
from benchmarks.runner import Settings, Spread, measure, quartiles, ratios

# A peer computes the same thing, in its own precision.
PEER_TOLERANCE = 0.05
OURS = ""


class Pace:
    """Guesses what a call takes from the last row of the same work, so as not to begin endless ones."""

    def __init__(self, limit: float):
        self.limit, self._known = limit, {}

    def expect(self, row: Row, side: str) -> None:
        if (row.work, side) in self._known:
            seconds = self._known[row.work, side] * row.cost
            limit = max(self.limit, row.limit) if side == OURS else self.limit
            if seconds > limit:
                raise NotMeasured(f"a call would take about {seconds:.0f} s (limit {limit:g} s)")

    def learn(self, row: Row, side: str, seconds: float) -> None:
        self._known[row.work, side] = seconds / row.cost


def timed(call: Callable[[], Any]) -> Tuple[Any, float]:
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


def _prepare(peer: Peer, row: Row, ours: Any, pace: Pace, quick: bool) -> Tuple[Callable[[], Any], float]:
    """The peer's call and its time, or the reason why it is not measured."""
    if quick and peer.compiles:
        raise NotMeasured("--quick leaves out what compiles for long")
    with rows.reasons():
        pace.expect(row, peer.name)
        call = peer.prepare()
        result, seconds = timed(call)
        if peer.result is not None:
            error = rows.difference(peer.result(result), ours)
            if error > PEER_TOLERANCE:
                raise NotMeasured(f"its result differs from ours by {error:.1e}")
        if seconds < 1.0 or peer.compiles:
            seconds = timed(call)[1]
    pace.learn(row, peer.name, seconds)
    return call, seconds


def _spread(values: Spread, digits: int) -> Dict[str, float]:
    return {key: float(f"{value:.{digits}g}") for key, value in values._asdict().items()}


def measure_row(
    row: Row, settings: Settings, rates: Dict[str, Any], pace: Optional[Pace] = None, quick: bool = False
) -> Dict[str, Any]:
    """What the table needs to know about a row."""
    pace = pace or Pace(settings.limit)
    found: Dict[str, Any] = {"work": row.work, "size": row.size, "extent": row.extent, "peers": []}
    case: Optional[Case] = None
    try:
        pace.expect(row, OURS)
        case = row.make(row.random())
        results, seconds = timed(case.call)
        found["error"], found["tolerance"] = float(f"{rows.check(case, results):.3g}"), case.tolerance
        # Results are overwritten by the next call.
        ours = rows.first(results).copy() if found["error"] <= case.tolerance else None
    except NotMeasured as reason:
        return {**found, "status": "not measured", "reason": str(reason)}
    except Exception as problem:  # a row that fails is reported, and the others go on
        return {**found, "status": "failed", "reason": f"{type(problem).__name__}: {problem}"}
    if ours is None:
        return {**found, "status": "wrong", "reason": "the result differs from the reference"}
    if seconds < 1.0:
        seconds = timed(case.call)[1]
    pace.learn(row, OURS, seconds)

    calls, expected = {OURS: case.call}, {OURS: seconds}
    missing: Dict[str, str] = {}
    for peer in case.peers:
        try:
            calls[peer.name], expected[peer.name] = _prepare(peer, row, ours, pace, quick)
        except NotMeasured as reason:
            missing[peer.name] = str(reason)
    others = Others()
    times = measure(calls, expected, settings)
    found["others"] = round(others.share(), 2)
    mine = quartiles(times[OURS])
    found.update(status="measured", seconds=_spread(mine, 4), rounds=len(times[OURS]))
    least = bound(row, rates)
    if least:
        found.update(roofline=float(f"{100 * least[0] / mine.median:.3g}"), bound=least[1])
    for peer in case.peers:
        entry = {"name": peer.name, "goal": peer.goal, "goal_threads": list(peer.goal_threads)}
        if peer.name in missing:
            entry["reason"] = missing[peer.name]
        else:
            theirs = [peer.work * value for value in times[peer.name]]
            entry["seconds"] = _spread(quartiles(theirs), 4)
            entry["ratio"] = _spread(ratios(times[OURS], theirs), 3)
        found["peers"].append(entry)
    return found


def main() -> None:
    request = json.load(sys.stdin)
    # Libraries that write to the standard output must not disturb the events.
    with os.fdopen(request["events"], "w", buffering=1) as events:

        def tell(**event: Any) -> None:
            events.write(json.dumps(event) + "\n")

        settings = Settings(**request["settings"])
        from benchmarks.families import WORKS

        named = rows.by_name(WORKS, request["scale"])
        rates = request["rates"]
        if rates is None:
            try:
                rates = probe(settings._replace(slot=0.05, rounds=5))
            except NotMeasured as reason:
                rates = {}
                print(f"no probes: {reason}", file=sys.stderr)
            tell(probes=rates)
        pace = Pace(settings.limit)
        for name in request["rows"]:
            tell(begin=name)
            start = time.perf_counter()
            row = measure_row(named[name], settings, rates, pace, request["quick"])
            tell(row={**row, "took": round(time.perf_counter() - start, 1)})


if __name__ == "__main__":
    main()
