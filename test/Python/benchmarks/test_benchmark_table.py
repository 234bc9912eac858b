# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The report as Markdown."""

import copy

import pytest
from benchmarks import table


def spread(median):
    return {"median": median, "low": 0.9 * median, "high": 1.1 * median}


def peer(name, ratio, goal=None, goal_threads=(1, 2), **more):
    found = {"name": name, "goal": goal, "goal_threads": list(goal_threads), **more}
    return found if ratio is None else {**found, "ratio": spread(ratio), "seconds": spread(1.0)}


def row(size, threads, peers, **more):
    return {
        "work": "matmul",
        "size": size,
        "extent": 2.0,
        "threads": threads,
        "status": "measured",
        "seconds": spread(0.0125),
        "roofline": 81.234,
        "others": 0.25,
        "peers": peers,
        **more,
    }


REPORT = {
    "date": "2026-01-02",
    "commit": "abc",
    "machine": {"cpu": "a CPU", "cores": "2", "memory": "24 GiB", "system": "Linux"},
    "versions": {"torch": "2.13.0", "jax": "not installed"},
    "settings": {"rounds": 9, "slot": 0.06, "budget": 30.0},
    "threads": [1, 2],
    "others": 0.0,
    "short_wait": False,
    "probes": {"1": {"instructions": {"f32": 1e11}, "memory": [(1 << 20, 5e10, 4e10)]}, "2": {}},
    "rows": [
        row("8 x 8", 1, [peer("torch", 1.5, 1.0), peer("probe", 0.5, 0.85, (1,))]),
        row("8 x 8", 2, [peer("torch", 0.25, 1.0), peer("probe", 0.5, 0.85, (1,))]),
        row("9 x 9", 1, [peer("torch", None, 1.0, reason="it is not installed")]),
    ],
}


@pytest.mark.parametrize(
    "seconds, text",
    [(2.5, "2.50 s"), (0.0125, "12.5 ms"), (0.99999e-3, "1.00 ms"), (3.25e-6, "3.25 us"), (1e-7, "0.10 us")],
)
def test_durations(seconds, text):
    assert table.duration(seconds) == text


def test_a_line_a_size_and_a_column_a_peer():
    lines = table.markdown(REPORT, {"matmul": "A note."}).splitlines()
    assert "A note." in lines
    (head,) = (line for line in lines if line.startswith("| size"))
    assert head == (
        "| size | ours, 1 T | ours, 2 T | torch (>= 1), 1 T | torch (>= 1), 2 T "
        "| probe (>= 0.85), 1 T | probe (>= 0.85), 2 T |"
    )
    (line,) = (line for line in lines if line.startswith("| 8 x 8"))
    # What misses its goal is bold; that of the probe is for one thread.
    assert line == (
        "| 8 x 8 | 12.5 ms, 81 % | 12.5 ms, 81 % | 1.50 (1.35-1.65) | **0.25 (0.23-0.28)** "
        "| **0.50 (0.45-0.55)** | 0.50 (0.45-0.55) |"
    )
    assert "| 9 x 9 | 12.5 ms, 81 % | - | - | - | - | - |" in lines


def test_missed_goals_and_reasons_are_listed():
    text = table.markdown(REPORT, {})
    missed = text.partition("### Goals missed")[2].partition("### Not measured")
    assert "| matmul | torch | 1 | 1 of 2 | 0.25 |" in missed[0]
    assert "| matmul | probe | 0.85 | 1 of 1 | 0.50 |" in missed[0]
    assert missed[0].count("matmul") == 2
    assert "- torch: it is not installed (matmul 9 x 9, 1 T)" in missed[2]


def test_rows_that_two_threads_hardly_speed_up_are_listed():
    report = copy.deepcopy(REPORT)
    text = table.markdown(report, {}).partition("### Two threads")[2]
    assert text.strip().startswith("0 of the 1 rows")
    assert "| matmul | 8 x 8 | 1.00 |" in text
    report["rows"][1]["seconds"] = spread(0.006)
    assert "1 of the 1 rows" in table.markdown(report, {})
    report["rows"][0]["seconds"] = spread(0.0001)
    assert "### Two threads" not in table.markdown(report, {})


def test_the_summary_counts_goals_and_names_what_is_wrong():
    assert table.summary(REPORT) == "3 rows, 1 of 3 goals met, 0 wrong or failed"
    report = copy.deepcopy(REPORT)
    report["rows"][2].update(status="wrong", reason="the result differs from the reference")
    assert table.summary(report).splitlines() == [
        "wrong: matmul: 9 x 9, 1 threads: the result differs from the reference",
        "3 rows, 1 of 3 goals met, 1 wrong or failed",
    ]
    assert "wrong" in table.markdown(report, {})


def test_machine_versions_and_probes_stand_first():
    text = table.markdown(REPORT, {})
    assert text.startswith(
        "- 2026-01-02, commit abc\n- a CPU, 2 cores, 24 GiB, Linux\n- torch 2.13.0, jax not"
    )
    assert "probes, 1 T: f32 100 G/s; memory read / written in GB/s: 1 MiB at 50 / 40" in text
    assert "during a row 25% (median) to 25% (most)" in text


def test_a_page_keeps_what_stands_around_the_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    table.write_markdown(page, "new\n")
    assert page.read_text() == f"# Title\n{table.BEGIN}\nnew\n{table.END}\nafter\n"
    other = tmp_path / "other.md"
    table.write_markdown(other, "new\n")
    assert other.read_text() == "new\n"


def test_plots_are_written(tmp_path):
    from benchmarks import plots

    names = [path.name for path in plots.write_plots(tmp_path / "pictures", REPORT)]
    assert names == ["matmul-time.svg", "matmul-ratio.svg"]
