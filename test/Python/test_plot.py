# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pictures are written, show what they should, and refuse what cannot be drawn."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from effattn import Error, plot, reference


def shows(path, colour):
    """Whether the picture has a patch of ``colour``."""
    pixels = imread(path)[:, :, :3]
    return np.sum(np.abs(pixels - np.array(to_rgb(colour))).max(axis=2) < 0.02) >= 20


def test_mask_picture_colours_by_reason(tmp_path):
    path = tmp_path / "mask.png"
    causal = reference.causal_mask()
    plot.mask_picture(
        causal & (reference.initial_mask(count=1) | reference.window_mask(size=2)),
        path,
        queries=5,
        keys=5,
        tokens="a b$c",
        reasons={"initial": reference.initial_mask(count=1), "window": reference.window_mask(size=2)},
        title="cost $5 & $6",
    )
    assert shows(path, plot.REASONS[1]) and shows(path, plot.REASONS[2]) and shows(path, plot.DROPPED)
    assert not shows(path, plot.REASONS[0]), "every kept cell has a reason"


def test_mask_picture_of_an_array_without_reasons(tmp_path):
    path = tmp_path / "mask.png"
    plot.mask_picture(np.tri(100, 130, 30, dtype=bool), path)
    assert shows(path, plot.REASONS[0]) and shows(path, plot.DROPPED)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (1, 1)])
def test_mask_picture_of_few_cells(tmp_path, shape):
    plot.mask_picture(np.zeros(shape, dtype=bool), tmp_path / "mask.png")
    assert imread(tmp_path / "mask.png").shape[0] > 50


def test_mask_picture_needs_sizes_and_one_token_a_key(tmp_path):
    with pytest.raises(Error, match="queries and keys with mask"):
        plot.mask_picture(reference.causal_mask(), tmp_path / "mask.png")
    with pytest.raises(Error, match="each of 3 keys, but got 2"):
        plot.mask_picture(np.ones((3, 3), dtype=bool), tmp_path / "mask.png", tokens="ab")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("slots", [8, 4096])
def test_access_trace_shows_reads_and_writes(tmp_path, slots):
    path = tmp_path / "trace.png"
    indices = np.arange(24).reshape(8, 3) % slots
    plot.access_trace(indices, indices[::-1], slots, path)
    assert shows(path, plot.READ) and shows(path, plot.WRITTEN)


def test_access_trace_without_reads_has_no_green(tmp_path):
    path = tmp_path / "trace.svg"
    plot.access_trace(np.zeros((4, 1), int), np.zeros((4, 0), int), 2, path)
    text = path.read_text()
    # The legend keeps its one green square.
    assert text.count(plot.WRITTEN) > text.count(plot.READ)


def test_access_trace_writes_tokens_below_their_columns(tmp_path):
    indices = np.arange(6).reshape(3, 2)
    plot.access_trace(indices, indices, 6, tmp_path / "plain.png")
    plot.access_trace(indices, indices, 6, tmp_path / "tokens.png", tokens=["the", "\n", "$x$"])
    assert (tmp_path / "plain.png").read_bytes() != (tmp_path / "tokens.png").read_bytes()
    with pytest.raises(Error, match="each of 3 tokens, but got 2"):
        plot.access_trace(indices, indices, 6, tmp_path / "wrong.png", tokens=["the", "a"])


def test_access_trace_refuses_a_slot_out_of_range(tmp_path):
    with pytest.raises(Error, match=r"write_indices to lie in \[0, 4\), but got 4"):
        plot.access_trace([[4]], [[0]], 4, tmp_path / "trace.png")


def test_chunk_boundaries_mark_every_boundary(tmp_path):
    text, mask = "one two\nthree", [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]
    assert plot.chunk_boundaries_text(text, mask) == "|one |two\n|three"
    assert plot.chunk_boundaries_text(["on", "e"], [0, 1], separator="/") == "on/e"
    coloured = plot.chunk_boundaries_text("a\nbc", [1, 0, 1, 0], colours=True)
    black, end = "\033[30;", "\033[0m"
    assert coloured == f"{black}106ma{end}\n{black}47mb{end}{black}47mc{end}"
    path = tmp_path / "chunks.png"
    plot.chunk_boundaries(text, mask, path)
    assert shows(path, plot.CHUNKS[0]) and shows(path, plot.CHUNKS[1]) and shows(path, plot.WRITTEN)


def test_chunk_boundaries_wrap_and_take_empty_text(tmp_path):
    plot.chunk_boundaries("x" * 200, np.zeros(200), tmp_path / "long.png", width=20)
    plot.chunk_boundaries("x" * 20, np.zeros(20), tmp_path / "short.png", width=20)
    plot.chunk_boundaries("", [], tmp_path / "empty.png")
    assert imread(tmp_path / "long.png").shape[0] > 3 * imread(tmp_path / "short.png").shape[0]
    assert (tmp_path / "empty.png").stat().st_size > 500
    with pytest.raises(Error, match="each of 2 tokens"):
        plot.chunk_boundaries_text("ab", [1])


def test_stage_times(tmp_path):
    plot.stage_times({"parse": 2e-3, "fuse": 4e-6, "llvm": 1.5}, tmp_path / "mapping.svg")
    plot.stage_times([("parse", 0.0)], tmp_path / "pairs.png")
    assert (tmp_path / "mapping.svg").read_text().count(plot.REASONS[0]) == 3
    assert imread(tmp_path / "pairs.png").shape[1] > 500
    with pytest.raises(Error, match="at least one stage"):
        plot.stage_times({}, tmp_path / "none.png")
    with pytest.raises(Error, match="stage parse .* got -1"):
        plot.stage_times({"parse": -1}, tmp_path / "none.png")


def test_row_errors_of_methods_and_of_rows_without_error(tmp_path):
    path = tmp_path / "errors.svg"
    errors = np.geomspace(1e-3, 1.0, 50)
    plot.row_errors({"first": errors, "second": np.append(errors / 100, [0.0, 0.0])}, path, title="both")
    text = path.read_text()
    assert plot.REASONS[0] in text and plot.REASONS[1] in text
    plot.row_errors({"exact": np.zeros(4)}, tmp_path / "exact.png")
    assert imread(tmp_path / "exact.png").shape[0] > 50


def test_row_errors_that_cannot_be_drawn(tmp_path):
    refused = [
        ({}, "errors to name at least one method, but got none"),
        ({"a": []}, "errors of a to be finite and not negative, but got none"),
        ({"a": [1.0], "b": [0.5, np.nan]}, "errors of b to be finite and not negative, but got nan"),
        ({"a": [-1.0]}, "but got -1.0"),
    ]
    for errors, message in refused:
        with pytest.raises(Error, match=message):
            plot.row_errors(errors, tmp_path / "errors.png")
    assert not list(tmp_path.iterdir())
