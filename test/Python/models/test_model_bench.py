# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""``python -m effattn bench``: who takes turns, what is counted, and how it is said."""

import json

import pytest
import tiny_model  # noqa: F401  (skips where packages that models need are missing)
from compiler import needs_compiler

from effattn import Error
from effattn.__main__ import main
from effattn.models import bench
from effattn.models.bench import Report, Spread, Start, Work
from effattn.models.sides import Side


class Recorder(Side):
    """A side that writes down what it does."""

    def __init__(self, name, log):
        self.name, self.log, self.has = name, log, []

    def forget(self):
        self.has = []

    def take(self, ids):
        self.has += ids
        self.log.append((self.name, len(ids), len(self.has)))


@pytest.fixture
def sides(monkeypatch):
    monkeypatch.setattr(bench, "PAUSE", 0.0)
    log = []
    return {name: Recorder(name, log) for name in ("effattn", "peer")}, log


def test_sides_take_turns_with_texts_of_their_own(sides):
    sides, log = sides
    seconds = bench.measure(sides, Work("prefill 3", 0, 3, True), 3, list(range(9)), lambda: None)
    order = ["effattn", "peer", "peer", "effattn", "effattn", "peer"]
    assert log == [(name, 3, 3) for name in order]
    assert {name: len(values) for name, values in seconds.items()} == {"effattn": 3, "peer": 3}
    assert all(value > 0 for values in seconds.values() for value in values)


def test_decoding_goes_on_where_the_last_turn_ended(sides):
    sides, log = sides
    ids, done = list(range(20)), []
    work = Work("decode at 5", 5, 2, False)
    bench.measure(sides, work, 3, ids, lambda: done.append(1))
    assert len(done) == 3
    for side in sides.values():
        assert side.has == ids[:11] and bench.room(work, 3) == 11
        mine = [(count, total) for name, count, total in log if name == side.name]
        assert mine == [(5, 5), (1, 6), (1, 7), (1, 8), (1, 9), (1, 10), (1, 11)]


def test_tables():
    report = Report(2)
    report.starts = {"effattn": Start(0.5, 10**8, 2 * 10**6), "peer": Start(12.25, 10**9, 10**7)}
    report.rates = {"prefill 3": {"effattn": Spread(1234.6, 1000, 20000), "peer": Spread(99.94, 9.5, 100)}}
    report.ratios = {"prefill 3": {"peer": Spread(12.35, 10, 13)}}
    assert bench.markdown(bench.table(report)).split("\n") == [
        "|  | effattn | peer | times peer |",
        "|---|---|---|---|",
        "| prefill 3, tokens a second | 1235 (1000-20000) | 99.94 (9.500-100.0) | 12.3 (10.0-13.0) |",
        "| start, s | 0.50 | 12.25 |  |",
        "| memory at most, MB | 100 | 1000 |  |",
        "| caches, MB | 2.0 | 10.0 |  |",
    ]
    assert bench.plain(bench.table(report)).split("\n")[3].split() == ["memory", "at", "most,", "MB", "100", "1000"]
    found = json.loads(json.dumps(report.as_dict()))
    assert found["ratios"]["prefill 3"]["peer"] == {"median": 12.35, "least": 10, "most": 13}
    assert found["starts"]["peer"]["peak"] == 10**9 and found["threads"] == 2


@needs_compiler
def test_the_command_measures_a_tiny_model(tiny_gguf, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bench, "PAUSE", 0.0)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    files = ["--model", str(tiny_gguf), "--folder", str(tmp_path), "--body", "f32", "--table", "f32"]
    sizes = ["--prefill", "4,9", "--context", "6", "--tokens", "2", "--rounds", "2", "--threads", "1"]
    assert main(["bench", *files, *sizes, "--peers", "none", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert list(report["rates"]) == ["prefill 4", "prefill 9", "decode at 6"]
    for rates in report["rates"].values():
        assert 0 < rates["effattn"]["least"] <= rates["effattn"]["median"] <= rates["effattn"]["most"]
    start = report["starts"]["effattn"]
    assert start["seconds"] > 0 and start["peak"] > start["caches"] > 0
    assert report["missing"] == {}


def test_what_is_missing_is_named(monkeypatch):
    def start(name, plan, ids):
        if name == "peer":
            raise Error("peer cannot be imported")
        return Start(1.0, 1, 1)

    monkeypatch.setattr(bench, "PAUSE", 0.0)
    monkeypatch.setattr(bench, "start", start)
    monkeypatch.setitem(bench.SIDES, "effattn", lambda plan: Recorder("effattn", []))
    plan = bench.Plan(lambda: None, "", 1, 8)
    report = bench.bench(plan, ["effattn", "peer"], bench.works([2], [], 1), 2, 10)
    assert report.missing == {"peer": "peer cannot be imported"}
    assert list(report.starts) == ["effattn"] and list(report.rates["prefill 2"]) == ["effattn"]


@pytest.mark.parametrize("words", [["--prefill", "0"], ["--context", "512,"], ["--peers", "gpt"]])
def test_options_that_make_no_sense_are_refused(words, capsys):
    with pytest.raises(SystemExit) as error:
        main(["bench", "--model", "tiny", *words])
    assert error.value.code == 2 and "expected" in capsys.readouterr().err
