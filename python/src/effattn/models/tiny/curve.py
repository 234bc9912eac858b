# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The log of a training, short enough to keep, and as a picture."""

from __future__ import annotations

import csv
import pathlib
from typing import Any, Dict, List

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from effattn.error import Error
from effattn.models.tiny import log

# Steps that a line of a short log is the mean of.
SPAN = 20
MEANS = ("loss", "bits_per_byte", "ratio_loss", "balance", "chunk_rate", "seconds")


def read_measured(path: pathlib.Path) -> List[Dict[str, Any]]:
    """The lines of a log that has something to draw."""
    entries = log.read(path)
    if not any(log.MEASURED in entry for entry in entries):
        raise Error(f"expected {path} to have a measurement on texts of validation, but it has none yet")
    return entries


def write_means(entries: List[Dict[str, Any]], path: pathlib.Path) -> None:
    """Means of ``SPAN`` steps each as CSV, and what was measured on texts of validation in them."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["steps", *MEANS, log.MEASURED])
        for start in range(0, len(entries), SPAN):
            span = entries[start : start + SPAN]
            means = [sum(entry[name] for entry in span) / len(span) for name in MEANS]
            measured = [entry[log.MEASURED] for entry in span if log.MEASURED in entry]
            writer.writerow([start + len(span), *(f"{mean:.4f}" for mean in means), *(measured[-1:] or [""])])


def draw(path: pathlib.Path, picture: pathlib.Path, ratio: float) -> None:
    """Bits per byte, and the rate of chunks beside its target, over the steps of a log of means."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    steps = [int(row["steps"]) for row in rows]
    figure = Figure(figsize=(7.0, 5.0), layout="constrained")
    FigureCanvasAgg(figure)
    bits, rate = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    bits.plot(steps, [float(row["bits_per_byte"]) for row in rows], color="#9db7d9", label="training")
    measured = [(step, float(row[log.MEASURED])) for step, row in zip(steps, rows) if row[log.MEASURED]]
    bits.plot(*zip(*measured), color="#3d6fb4", marker="o", markersize=3, label="validation")
    # The first steps would take most of the picture.
    bits.set_ylim(top=2.0 * measured[-1][1])
    bits.set_ylabel("bits per byte")
    bits.legend(frameon=False)
    rate.plot(steps, [float(row["chunk_rate"]) for row in rows], color="#e39a2d")
    rate.axhline(1.0 / ratio, color="#33373d", linewidth=0.8, linestyle="--")
    rate.set_ylabel("concepts a byte")
    rate.set_xlabel("steps")
    rate.set_ylim(0.0, min(1.0, 2.0 / ratio))
    for axes in (bits, rate):
        axes.grid(color="#e3e3e0", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    # The same log gives the same file.
    with rc_context({"svg.hashsalt": "effattn-tiny"}):
        figure.savefig(picture, metadata={"Date": None})
