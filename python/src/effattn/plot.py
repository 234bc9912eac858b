# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pictures of what a model does: masks, memory accesses, chunk boundaries, time per stage.

Every function writes one file, whose format follows its suffix (PNG, SVG, PDF).
"""

from __future__ import annotations

import os
from os import PathLike
from typing import Any, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from effattn.error import Error
from effattn.reference.masks import Mask, materialize_mask

Path = Union[str, "PathLike[str]"]

FORMATS = (".svg", ".png", ".pdf")
Tokens = Union[str, Sequence[str]]

DROPPED = "#f2f2f0"
INK = "#33373d"
READ, WRITTEN = "#2e9e5b", "#d6453d"
# Distinct in hue and lightness; the first serves a mask without reasons.
REASONS = ("#3d6fb4", "#e39a2d", "#8a5bb0", "#3fa7a0", "#c4574f", "#7d8a3c")
CHUNKS = ("#dbe7f5", "#fbe6c8")
# Cells get lines between them and their labels all shown up to this many a side.
SMALL = 64


def _figure(width: float, height: float) -> Tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for side in axes.spines.values():
        side.set_color("#b9bcc0")
    axes.tick_params(colors=INK, length=0, labelsize=8)
    return figure, axes


def check_picture(path: Path) -> None:
    """Refuse a file whose name does not say which of the formats it has."""
    if os.path.splitext(path)[1] not in FORMATS:
        raise Error(f"expected a picture to end in {', '.join(FORMATS)}, but got {os.fspath(path)}")


def _save(figure: Figure, path: Path) -> None:
    check_picture(path)
    figure.savefig(path, dpi=150, facecolor="white")


def _visible(token: str) -> str:
    """A token as a label: blanks and line ends would not be seen."""
    return token.replace("\n", "\u21b5").replace("\t", "\u21e5").replace(" ", "\u00b7")


def _grid(mask: Union[Mask, Any], queries: Optional[int], keys: Optional[int], name: str) -> np.ndarray:
    if hasattr(mask, "to_reference"):  # a mask of effattn.ops
        mask = mask.to_reference()
    if isinstance(mask, Mask):
        if queries is None or keys is None:
            raise Error(f"expected queries and keys with {name}, a Mask, but got {queries} and {keys}")
        return materialize_mask(mask, batch=1, queries=queries, keys=keys)[0, 0]
    found = np.asarray(mask)
    if found.ndim != 2:
        raise Error(f"expected {name} to have rank 2 (queries x keys), but got rank {found.ndim}")
    return found.astype(bool)


def mask_picture(
    mask: Union[Mask, Any],
    path: Path,
    *,
    queries: Optional[int] = None,
    keys: Optional[int] = None,
    reasons: Optional[Mapping[str, Union[Mask, Any]]] = None,
    tokens: Optional[Tokens] = None,
    title: Optional[str] = None,
) -> None:
    """Draw which keys every query keeps, cell by cell.

    Args:
        mask: ``[T, S]`` bool, or a Mask together with ``queries`` and ``keys``.
        path: the file to write.
        queries, keys: T and S, for a Mask; the queries are the last positions.
        reasons: masks by name, such as initial, separator and window: a kept cell takes the colour
            of the first one that keeps it too.
        tokens: a text or its tokens, one per key, written along both axes; the queries are the last.
        title: a line above the picture.
    Raises:
        effattn.Error: a Mask without sizes, reasons of another shape, or not one token per key.
    """
    keep = _grid(mask, queries, keys, "mask")
    rows, columns = keep.shape
    if tokens is not None and (len(tokens) != columns or rows > columns):
        raise Error(f"expected one token for each of {columns} keys, but got {len(tokens)}")

    picture = np.empty((rows, columns, 3))
    picture[:] = to_rgb(DROPPED)
    free = keep.copy()
    legend: List[Patch] = []
    for i, (name, reason) in enumerate((reasons or {}).items()):
        cells = _grid(reason, rows, columns, f"reason {name}")
        if cells.shape != keep.shape:
            raise Error(f"expected reason {name} to have shape {keep.shape}, but got {cells.shape}")
        colour = REASONS[1 + i % (len(REASONS) - 1)]
        picture[free & cells] = to_rgb(colour)
        legend.append(Patch(color=colour, label=f"{name} ({int((free & cells).sum())})"))
        free &= ~cells
    picture[free] = to_rgb(REASONS[0])
    if free.any():
        legend.append(Patch(color=REASONS[0], label=f"kept ({int(free.sum())})"))

    cell = 0.2 if max(rows, columns) <= SMALL else 8.0 / max(rows, columns)
    figure, axes = _figure(max(3.0, columns * cell) + 1.6, max(2.0, rows * cell) + 1.0)
    # imshow cannot draw an array without cells; the axes alone then say that nothing is there.
    if picture.size:
        axes.imshow(picture, interpolation="nearest" if rows <= SMALL else "antialiased", aspect="equal")
    if max(rows, columns) <= SMALL:
        axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=1.0)
        axes.tick_params(which="minor", length=0)
    if tokens is not None and columns <= SMALL:
        labels = [_visible(token) for token in tokens]
        upright = max(map(len, labels), default=1) > 1
        axes.set_xticks(
            range(columns), labels, family="monospace", parse_math=False, rotation=90 if upright else 0
        )
        axes.set_yticks(range(rows), labels[columns - rows :], family="monospace", parse_math=False)
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
    axes.set_xlabel("key", color=INK)
    axes.set_ylabel("query", color=INK)
    share = keep.mean() if keep.size else 0.0
    heading = f"{title}, " if title else ""
    figure.suptitle(
        f"{heading}{int(keep.sum())} of {keep.size} cells kept ({share:.0%})",
        fontsize=9,
        color=INK,
        parse_math=False,
    )
    if legend:
        figure.legend(handles=legend, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    _save(figure, path)


def access_trace(
    write_indices: Any,
    read_indices: Any,
    slots: int,
    path: Path,
    *,
    tokens: Optional[Tokens] = None,
    title: Optional[str] = None,
) -> None:
    """Draw which slots of an address memory every token writes (red) and reads (green).

    A token's column shows its writes on the left and its reads on the right.

    Args:
        write_indices: slots written, ``[T, K]``.
        read_indices: slots read, ``[T, Kr]``.
        slots: M, the height of the picture.
        path: the file to write.
        tokens: a text or its tokens, one per row of the indices, written below the columns.
        title: a line above the picture.
    Raises:
        effattn.Error: the token counts differ, or a slot is outside [0, M).
    """
    written, read = np.asarray(write_indices), np.asarray(read_indices)
    if written.ndim != 2 or read.ndim != 2 or len(written) != len(read):
        raise Error(
            "expected write_indices and read_indices to be tokens x slots with equal tokens (dim 0), "
            f"but got shapes {written.shape} and {read.shape}"
        )
    for name, indices in (("write_indices", written), ("read_indices", read)):
        if indices.size and (indices.min() < 0 or indices.max() >= slots):
            worst = indices.min() if indices.min() < 0 else indices.max()
            raise Error(f"expected {name} to lie in [0, {slots}), but got {worst}")

    count = len(written)
    if tokens is not None and len(tokens) != count:
        raise Error(f"expected one label for each of {count} tokens, but got {len(tokens)}")

    figure, axes = _figure(min(12.0, 2.5 + count * 0.16), min(9.0, 1.6 + slots * 0.12))
    # A cell that would be thinner than a line is widened to one, so that no access is lost.
    tall = max(1.0, slots / 220.0)
    for indices, left, colour, name in ((written, -0.45, WRITTEN, "write"), (read, 0.05, READ, "read")):
        for t in range(count):
            for slot in indices[t]:
                axes.add_patch(
                    Rectangle((t + left, slot - 0.4 * tall), 0.4, 0.8 * tall, color=colour, linewidth=0)
                )
        used = np.unique(indices).size
        axes.plot([], [], "s", color=colour, label=f"{name} ({used} of {slots} slots)")
    axes.set_xlim(-0.8, max(count, 1) - 0.2)
    axes.set_ylim(max(slots, 1) - 0.3, -0.7)
    axes.set_facecolor("#fbfbfa")
    if slots <= SMALL:
        axes.set_yticks(np.arange(slots + 1) - 0.5, minor=True)
        axes.grid(which="minor", axis="y", color="#ececea", linewidth=0.6)
        axes.tick_params(which="minor", length=0)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.yaxis.get_major_locator().set_params(integer=True)
    if tokens is not None and count <= SMALL:
        labels = [_visible(token) for token in tokens]
        axes.set_xticks(range(count), labels, family="monospace", parse_math=False, rotation=90)
        for t in range(count + 1):
            axes.axvline(t - 0.5, color="#ececea", linewidth=0.6, zorder=0)
    axes.set_xlabel("token", color=INK)
    axes.set_ylabel("slot", color=INK)
    if title:
        figure.suptitle(title, fontsize=9, color=INK, parse_math=False)
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    _save(figure, path)


def _tokens_and_boundaries(text: Tokens, mask: Any) -> Tuple[List[str], np.ndarray]:
    boundaries = np.asarray(mask).astype(bool)
    if boundaries.shape != (len(text),):
        raise Error(
            f"expected one boundary flag for each of {len(text)} tokens, but got shape {boundaries.shape}"
        )
    return list(text), boundaries


def chunk_boundaries_text(
    text: Tokens, mask: Any, *, separator: str = "|", colours: bool = False
) -> str:
    """The text with a bar before every boundary, for a terminal.

    Args:
        text: a text, or its tokens.
        mask: boundaries, ``[T]`` bool, one per character or token.
        separator: what stands at a boundary.
        colours: whether chunks have backgrounds in turns in place of bars, by the codes of terminals.
    Returns:
        the text; joined without bars it is the original.
    Raises:
        effattn.Error: not one flag per character or token.
    """
    tokens, boundaries = _tokens_and_boundaries(text, mask)
    if colours:
        return _coloured(tokens, boundaries)
    return "".join((separator if boundary else "") + token for token, boundary in zip(tokens, boundaries))


def _coloured(tokens: Sequence[str], boundaries: np.ndarray) -> str:
    """Each chunk on a background; ends of lines have none, for a terminal would fill the line."""
    parts, chunk = [], 0
    for token, boundary in zip(tokens, boundaries):
        chunk += int(boundary)
        parts.append(token if "\n" in token else f"\033[30;{(47, 106)[chunk % 2]}m{token}\033[0m")
    return "".join(parts)


def chunk_boundaries(
    text: Tokens, mask: Any, path: Path, *, width: int = 72, title: Optional[str] = None
) -> None:
    """Draw a text with its chunks in alternating colours and a bar at every boundary.

    Args:
        text: a text, or its tokens.
        mask: boundaries, ``[T]`` bool, one per character or token.
        path: the file to write.
        width: characters a line at most; lines also end where the text's do.
        title: a line above the picture.
    Raises:
        effattn.Error: not one flag per character or token.
    """
    tokens, boundaries = _tokens_and_boundaries(text, mask)
    placed: List[Tuple[int, int, str, bool, int]] = []
    row = column = 0
    chunk = -1
    for token, boundary in zip(tokens, boundaries):
        label = _visible(token).replace("\u00b7", " ")
        chunk += int(boundary)
        if column and column + len(label) > width:
            row, column = row + 1, 0
        placed.append((row, column, label, bool(boundary), chunk))
        column += len(label)
        if token.endswith("\n"):
            row, column = row + 1, 0

    rows = 1 + max((place[0] for place in placed), default=0)
    widest = max((place[1] + len(place[2]) for place in placed), default=1)
    figure, axes = _figure(0.4 + 0.092 * max(widest, 30), 0.6 + 0.26 * rows)
    axes.set_axis_off()
    axes.set_xlim(-0.5, max(widest, 30) + 0.5)
    axes.set_ylim(rows - 0.45, -0.55)
    for row, column, label, boundary, chunk in placed:
        colour = CHUNKS[chunk % 2] if chunk >= 0 else "#ededeb"
        axes.add_patch(Rectangle((column, row - 0.42), len(label), 0.84, color=colour, linewidth=0))
        if boundary:
            axes.plot([column, column], [row - 0.42, row + 0.42], color=WRITTEN, linewidth=1.4, zorder=3)
        for i, character in enumerate(label):
            axes.text(
                column + i + 0.5,
                row,
                character,
                family="monospace",
                fontsize=10,
                parse_math=False,
                ha="center",
                va="center_baseline",
                color=INK,
            )
    count = int(boundaries.sum())
    mean = f", {len(tokens) / count:.1f} tokens a chunk" if count else ""
    heading = f"{title}, " if title else ""
    figure.suptitle(
        f"{heading}{count} chunks over {len(tokens)} tokens{mean}", fontsize=9, color=INK, parse_math=False
    )
    _save(figure, path)


def _duration(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("\u00b5s", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def stage_times(
    report: Union[Mapping[str, float], Sequence[Tuple[str, float]]],
    path: Path,
    *,
    title: Optional[str] = None,
) -> None:
    """Draw how long each stage took, in the order given.

    Args:
        report: seconds by stage, or pairs of stage and seconds.
        path: the file to write.
        title: a line above the picture.
    Raises:
        effattn.Error: no stage, or a time that is negative or not finite.
    """
    pairs = list(report.items()) if isinstance(report, Mapping) else [tuple(pair) for pair in report]
    if not pairs:
        raise Error("expected report to name at least one stage, but got none")
    for stage, seconds in pairs:
        if not 0.0 <= seconds < np.inf:
            raise Error(
                f"expected the time of stage {stage} to be finite and not negative, but got {seconds}"
            )

    names, times = [str(stage) for stage, _ in pairs], np.array([seconds for _, seconds in pairs])
    total = times.sum()
    figure, axes = _figure(7.0, 0.9 + 0.3 * len(pairs))
    bars = axes.barh(range(len(pairs)), times, color=REASONS[0], height=0.62)
    shares = times / total if total else times
    labels = [f"{_duration(seconds)}  {share:.0%}" for seconds, share in zip(times, shares)]
    axes.bar_label(bars, labels, padding=4, fontsize=8, color=INK)
    axes.set_yticks(range(len(pairs)), names, parse_math=False)
    axes.invert_yaxis()
    axes.set_xlim(0, (times.max() or 1.0) * 1.22)
    axes.set_xticks([])
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    heading = f"{title}, " if title else ""
    figure.suptitle(
        f"{heading}{_duration(total)} in {len(pairs)} stages", fontsize=9, color=INK, parse_math=False
    )
    _save(figure, path)


def row_errors(errors: Mapping[str, Any], path: Path, *, title: Optional[str] = None) -> None:
    """Draw how the error of a compressed table is spread over its rows.

    Args:
        errors: by method, the error of each row relative to the norm of a row, ``[V]``, such as
            ``report.row_errors`` of ``effattn.compress``.
        path: the file to write.
        title: a line above the picture.
    Raises:
        effattn.Error: no method, or errors that are none, negative or not finite.
    """
    if not errors:
        raise Error("expected errors to name at least one method, but got none")
    found = {str(name): np.asarray(values, dtype=np.float64).ravel() for name, values in errors.items()}
    for name, values in found.items():
        wrong = values[~((values >= 0.0) & (values < np.inf))]
        if not values.size or wrong.size:
            what = wrong[0] if wrong.size else "none"
            raise Error(f"expected the errors of {name} to be finite and not negative, but got {what}")

    # Methods differ by orders of magnitude, so bins are equal on a logarithmic axis; rows without
    # error have no place on it and are counted in the legend.
    above = np.concatenate([values[values > 0.0] for values in found.values()])
    low, high = (above.min(), above.max()) if above.size else (0.1, 1.0)
    bins = np.geomspace(low / 1.05, high * 1.05, 60)
    figure, axes = _figure(7.0, 3.2)
    for i, (name, values) in enumerate(found.items()):
        exact = int(np.count_nonzero(values == 0.0))
        label = f"{name}, root mean square {np.sqrt(np.mean(values**2)):.3g}"
        label += f", {exact} rows without error" if exact else ""
        axes.hist(values[values > 0.0], bins, color=REASONS[i % len(REASONS)], alpha=0.65, label=label)
    axes.set_xscale("log")
    axes.set_xlabel("error of a row / norm of a row", color=INK)
    axes.set_ylabel("rows", color=INK)
    if title:
        figure.suptitle(title, fontsize=9, color=INK, parse_math=False)
    figure.legend(loc="outside lower center", ncols=1, fontsize=8, frameon=False)
    _save(figure, path)
