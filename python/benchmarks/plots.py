# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pictures: how cost grows with the size, and ratios as bars."""

from __future__ import annotations

import pathlib
import re
from typing import Any, Dict, List

import matplotlib
import numpy as np

matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402


def _file_name(work: str) -> str:
    return re.sub(r"\W+", "-", work).strip("-")


def _variant(size: str) -> str:
    """What sizes on one line have in common: all but the first number, where that has a name."""
    return re.sub(r"\d+", "", size, count=1) if size[:1].isalpha() else ""


def _grow(work: str, rows: List[Dict[str, Any]]) -> Any:
    """Seconds over the size: a colour for a side and number of threads, a line for a variant."""
    figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    lines: Dict[Any, List[Any]] = {}
    for row in sorted(rows, key=lambda row: row["extent"]):
        sides = [("ours", row["seconds"])]
        sides += [(peer["name"], peer["seconds"]) for peer in row["peers"] if "seconds" in peer]
        for name, seconds in sides:
            key = f"{name}, {row['threads']} T", _variant(row["size"])
            lines.setdefault(key, []).append((row["extent"], seconds))
    colors: Dict[str, Any] = {}
    for (label, _), points in lines.items():
        style = {"marker": "o", "markersize": 3, "linewidth": 2.0 if label.startswith("ours,") else 1.0}
        if label in colors:
            style["color"] = colors[label]
        else:
            style["label"] = label
        low, middle, high = ([seconds[key] for _, seconds in points] for key in ("low", "median", "high"))
        errors = [np.subtract(middle, low), np.subtract(high, middle)]
        drawn = axes.errorbar([extent for extent, _ in points], middle, errors, **style)
        colors.setdefault(label, drawn[0].get_color())
    axes.set(title=work, xscale="log", yscale="log", xlabel="size", ylabel="seconds a call")
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(fontsize="small")
    return figure


def _bars(work: str, rows: List[Dict[str, Any]]) -> Any:
    """Peer time / our time with quartiles, and the goals as marks."""
    bars = [
        (f"{row['size']}, {row['threads']} T, {peer['name']}", peer)
        for row in rows
        for peer in row["peers"]
        if "ratio" in peer
    ]
    figure, axes = pyplot.subplots(figsize=(8, 1.2 + 0.28 * len(bars)), layout="constrained")
    for place, (_, peer) in enumerate(bars):
        ratio = peer["ratio"]
        error = [[ratio["median"] - ratio["low"]], [ratio["high"] - ratio["median"]]]
        axes.barh(place, ratio["median"], xerr=error, color="tab:blue" if ratio["median"] >= 1 else "tab:red")
        if peer["goal"] is not None:
            axes.plot([peer["goal"]], [place], marker="|", markersize=12, color="black")
    axes.axvline(1.0, color="gray", linewidth=0.8)
    axes.set(title=f"{work}: peer time / our time (marks are goals)", xscale="log")
    axes.set_yticks(range(len(bars)), [label for label, _ in bars], fontsize="x-small")
    axes.invert_yaxis()
    return figure


def write_plots(folder: pathlib.Path, report: Dict[str, Any]) -> List[pathlib.Path]:
    """Two pictures a work, as SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    measured = [row for row in report["rows"] if row["status"] == "measured"]
    for work in dict.fromkeys(row["work"] for row in measured):
        rows = [row for row in measured if row["work"] == work]
        for kind, draw in (("time", _grow), ("ratio", _bars)):
            if kind == "ratio" and not any("ratio" in peer for row in rows for peer in row["peers"]):
                continue
            figure = draw(work, rows)
            written.append(folder / f"{_file_name(work)}-{kind}.svg")
            figure.savefig(written[-1])
            pyplot.close(figure)
    return written
