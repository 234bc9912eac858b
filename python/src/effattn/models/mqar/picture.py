# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Accuracy over the number of pairs."""

from __future__ import annotations

import pathlib
from typing import Any, Dict

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from effattn.models.mqar.measuring import LINEAR, RAM_NET, chosen

COLORS = {RAM_NET: "#3d6fb4", LINEAR: "#e39a2d"}
STYLES = ("-", "--", ":", "-.")


def draw(results: Dict[str, Any], path: pathlib.Path) -> None:
    """A line for each model and size of state: the mean over seeds, in a band from the least to the most."""
    figure = Figure(figsize=(7.0, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes, pairs = figure.add_subplot(), results["pairs"]
    for place, (size, kinds) in enumerate(chosen(results).items()):
        for kind, row in kinds.items():
            percent = [[100.0 * share for share in seeds] for seeds in row["accuracy"]]
            means = [sum(seeds) / len(seeds) for seeds in percent]
            style = {"color": COLORS[kind], "linestyle": STYLES[place % len(STYLES)]}
            axes.plot(pairs, means, marker="o", markersize=3, label=f"{kind}, {size} bytes", **style)
            least, most = ([end(seeds) for seeds in percent] for end in (min, max))
            axes.fill_between(pairs, least, most, color=COLORS[kind], alpha=0.15, linewidth=0)
    axes.set(xlabel="pairs", ylabel="queries answered, %", xscale="log", ylim=(0.0, 102.0))
    axes.set_xticks(pairs, list(map(str, pairs)))
    axes.minorticks_off()
    axes.grid(color="#e3e3e0", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    # The same results give the same file.
    with rc_context({"svg.hashsalt": "effattn-mqar"}):
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
