# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What was measured, as Markdown."""

from __future__ import annotations

import pathlib
from typing import Any, Dict, Iterable, List, Optional, Sequence

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
NOTHING = "-"


def duration(seconds: float) -> str:
    """Three digits with a unit."""
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 0.9995 or unit == "us":
            return f"{number(seconds * scale)} {unit}"
    raise AssertionError


def number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _bytes(count: float) -> str:
    return f"{count / 2**20:.0f} MiB" if count >= 2**20 else f"{count / 2**10:.0f} KiB"


def is_met(peer: Dict[str, Any], threads: int) -> Optional[bool]:
    """Whether a goal was reached, nothing where there is none or nothing was measured."""
    if peer["goal"] is None or threads not in peer["goal_threads"] or "ratio" not in peer:
        return None
    return peer["ratio"]["median"] >= peer["goal"]


def _ratio(peer: Optional[Dict[str, Any]], threads: int) -> str:
    if peer is None or "ratio" not in peer:
        return NOTHING
    spread = peer["ratio"]
    text = f"{number(spread['median'])} ({number(spread['low'])}-{number(spread['high'])})"
    return f"**{text}**" if is_met(peer, threads) is False else text


def _ours(row: Optional[Dict[str, Any]]) -> str:
    if row is None:
        return NOTHING
    if row["status"] != "measured":
        return row["status"]
    share = f", {row['roofline']:.0f} %" if "roofline" in row else ""
    return duration(row["seconds"]["median"]) + share


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _unique(values: Iterable[Any]) -> List[Any]:
    return list(dict.fromkeys(values))


def _goal(rows: Sequence[Dict[str, Any]], name: str) -> str:
    goals = _unique(
        p["goal"] for r in rows for p in r["peers"] if p["name"] == name and p["goal"] is not None
    )
    return f" (>= {' / '.join(f'{goal:g}' for goal in goals)})" if goals else ""


def _work(name: str, note: str, rows: Sequence[Dict[str, Any]], threads: Sequence[int]) -> List[str]:
    """The table of one work: a line a size, a column a peer and number of threads."""
    peers = _unique(peer["name"] for row in rows for peer in row["peers"])
    peers = [p for p in peers if any("ratio" in q for r in rows for q in r["peers"] if q["name"] == p)]
    lines = [f"### {name}", ""]
    if note:
        lines += [note, ""]
    heads = ["size"] + [f"ours, {n} T" for n in threads]
    heads += [f"{peer}{_goal(rows, peer)}, {n} T" for peer in peers for n in threads]
    lines += [_line(heads), _line(["---"] * len(heads))]
    for size in _unique(row["size"] for row in rows):
        by_threads = {row["threads"]: row for row in rows if row["size"] == size}
        cells = [size] + [_ours(by_threads.get(n)) for n in threads]
        for name in peers:
            for n in threads:
                found = [p for p in by_threads.get(n, {"peers": []})["peers"] if p["name"] == name]
                cells.append(_ratio(found[0] if found else None, n))
        lines.append(_line(cells))
    return lines + [""]


def missed_goals(report: Dict[str, Any]) -> List[str]:
    """A line a work, peer and goal: how many rows miss it, and by how much."""
    ratios: Dict[Any, List[float]] = {}
    for row in report["rows"]:
        for peer in row["peers"]:
            if is_met(peer, row["threads"]) is not None:
                ratios.setdefault((row["work"], peer["name"], peer["goal"]), []).append(
                    peer["ratio"]["median"]
                )
    lines = []
    for (work, name, goal), found in ratios.items():
        missed = [ratio for ratio in found if ratio < goal]
        if missed:
            span = f"{number(min(missed))} - {number(max(missed))}" if len(missed) > 1 else number(missed[0])
            lines.append(_line([work, name, f"{goal:g}", f"{len(missed)} of {len(found)}", span]))
    return lines


def not_measured(report: Dict[str, Any]) -> List[str]:
    """Every reason once, with what it concerns."""
    reasons: Dict[str, List[str]] = {}
    for row in report["rows"]:
        if row["status"] != "measured":
            concern = f"{row['work']} {row['size']}, {row['threads']} T"
            reasons.setdefault(f"ours: {row['reason']}", []).append(concern)
        for peer in row["peers"]:
            if "reason" in peer:
                concern = f"{row['work']} {row['size']}, {row['threads']} T"
                reasons.setdefault(f"{peer['name']}: {peer['reason']}", []).append(concern)
    return [
        f"- {reason} ({'; '.join(concerns[:3])}{f'; {len(concerns) - 3} more' if len(concerns) > 3 else ''})"
        for reason, concerns in reasons.items()
    ]


def _machine(report: Dict[str, Any]) -> List[str]:
    machine = report["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    settings = report["settings"]
    lines = [
        f"- {report['date']}, commit {report['commit']}",
        f"- {machine['cpu']}, {machine['cores']} cores, {machine['memory']}, {machine['system']}",
        f"- {versions}",
        f"- {settings['rounds']} rounds, slots of {settings['slot'] * 1e3:g} ms, "
        f"at most {settings['budget']:g} s a row",
    ]
    shares = sorted(row["others"] for row in report["rows"] if "others" in row)
    if shares:
        lines.append(
            f"- other programs used {report['others']:.0%} of the cores before the run, and during a row "
            f"{shares[len(shares) // 2]:.0%} (median) to {shares[-1]:.0%} (most)"
            + ("; so waiting threads of PyTorch sleep after 0.1 ms" if report["short_wait"] else "")
        )
    for threads, rates in report["probes"].items():
        if rates:
            arithmetic = [f"{kind} {rate / 1e9:.0f} G/s" for kind, rate in rates["instructions"].items()]
            memory = [
                f"{_bytes(size)} at {read / 1e9:.0f} / {written / 1e9:.0f}"
                for size, read, written in rates["memory"]
            ]
            lines.append(
                f"- probes, {threads} T: {', '.join(arithmetic)}; "
                f"memory read / written in GB/s: {', '.join(memory)}"
            )
    return lines


# Where two threads must pay: seconds of work on one, and how many times as fast they should be.
ENOUGH_WORK, SPEED_UP = 1e-3, 1.8


def scaling(report: Dict[str, Any]) -> List[str]:
    """How much faster ours is with more threads; the rows that miss the goal one by one."""
    seconds = {
        (row["work"], row["size"], row["threads"]): row["seconds"]["median"]
        for row in report["rows"]
        if row["status"] == "measured"
    }
    slow, count = [], 0
    for (work, size, threads), one in seconds.items():
        two = seconds.get((work, size, 2))
        if threads == 1 and two and one >= ENOUGH_WORK:
            count += 1
            if one / two < SPEED_UP:
                slow.append(_line([work, size, number(one / two)]))
    if not count:
        return []
    lines = ["### Two threads", ""]
    lines.append(
        f"{count - len(slow)} of the {count} rows that take a millisecond or more on one thread are at least "
        f"{SPEED_UP} times as fast on two; those are separate processes at separate times."
    )
    if slow:
        heads = ["work", "size", "times as fast"]
        lines += ["", _line(heads), _line(["---"] * len(heads)), *slow]
    return lines + [""]


def markdown(report: Dict[str, Any], notes: Dict[str, str]) -> str:
    """The whole report; ``notes`` by work."""
    threads = report["threads"]
    lines = [*_machine(report), ""]
    for work in _unique(row["work"] for row in report["rows"]):
        rows = [row for row in report["rows"] if row["work"] == work]
        lines += _work(work, notes.get(work, ""), rows, threads)
    lines += scaling(report)
    missed, missing = missed_goals(report), not_measured(report)
    lines += ["### Goals missed", ""]
    if missed:
        heads = ["work", "peer", "goal", "rows that miss it", "their ratios"]
        lines += [_line(heads), _line(["---"] * len(heads)), *missed, ""]
    else:
        lines += ["None.", ""]
    lines += ["### Not measured", "", *(missing or ["Nothing."]), ""]
    return "\n".join(lines)


def write_markdown(path: pathlib.Path, text: str) -> None:
    """Between the marks of a page that has them, else as a page of its own."""
    page = path.read_text() if path.exists() else ""
    if BEGIN in page and END in page:
        before, _, rest = page.partition(BEGIN)
        text = f"{before}{BEGIN}\n{text}{END}{rest.partition(END)[2]}"
    path.write_text(text)


def summary(report: Dict[str, Any]) -> str:
    """For the terminal: how many goals were met."""
    met = [is_met(p, r["threads"]) for r in report["rows"] for p in r["peers"]]
    bad = [r for r in report["rows"] if r["status"] in ("wrong", "failed")]
    lines = [f"{r['status']}: {r['work']}: {r['size']}, {r['threads']} threads: {r['reason']}" for r in bad]
    goals = f"{met.count(True)} of {met.count(True) + met.count(False)} goals met"
    return "\n".join([*lines, f"{len(report['rows'])} rows, {goals}, {len(bad)} wrong or failed"])
