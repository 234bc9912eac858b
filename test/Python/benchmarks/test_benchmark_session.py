# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Workers that crash, and the command line."""

import json

import pytest
from benchmarks import __main__ as command
from benchmarks import session
from benchmarks.runner import Settings

RUN = session.Run(threads=1, settings=Settings(), scale="tiny")


class FakeWorker:
    """Measures rows; crashes at one that is called crash, and at once where all are."""

    requests = []

    def __init__(self, request, run):
        self.requests.append(request)
        self.names, self.rates = list(request["rows"]), request["rates"]

    def events(self):
        if self.names[0] == "never: begins":
            return
        if self.rates is None:
            yield {"probes": {"f32": 1.0}}
        for name in self.names:
            yield {"begin": name}
            if name.startswith("crash"):
                return
            yield {"row": {"work": name, "status": "measured"}}

    def reason(self):
        return "the process ended by SIGSEGV"


@pytest.fixture
def measure(monkeypatch):
    monkeypatch.setattr(session, "Worker", FakeWorker)
    monkeypatch.setattr(FakeWorker, "requests", [])

    def run(*names):
        rows, probes = [], []
        session.measure(RUN, names, lambda name: None, rows.append, probes.append)
        return rows, probes

    return run


def test_a_crash_costs_one_row(measure):
    rows, probes = measure("a: 1", "crash: 2", "b: 3")
    assert [row["status"] for row in rows] == ["measured", "failed", "measured"]
    assert (rows[1]["work"], rows[1]["size"]) == ("crash", "2")
    assert "SIGSEGV" in rows[1]["reason"]
    # The machine is probed once.
    assert probes == [{"f32": 1.0}]
    assert [request["rows"] for request in FakeWorker.requests] == [["a: 1", "crash: 2", "b: 3"], ["b: 3"]]


def test_a_worker_that_never_begins_is_an_error(measure):
    with pytest.raises(RuntimeError, match="SIGSEGV"):
        measure("never: begins")


def test_all_libraries_get_the_same_threads():
    found = session.environment(2, short_wait=True)
    assert {found[name] for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NPROC")} == {"2"}
    assert found["GOMP_SPINCOUNT"] == session.SHORT_WAIT


def test_help_teaches(capsys):
    with pytest.raises(SystemExit) as end:
        command.parse(["--help"])
    assert end.value.code == 0
    assert "examples:" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["--threads", "0"], ["--threads", "a"], ["--only", "("], ["--rounds", "0"], ["--unknown"]]
)
def test_a_bad_command_line_is_status_2(words, capsys):
    with pytest.raises(SystemExit) as end:
        command.parse(words)
    assert end.value.code == 2


def test_a_pattern_that_matches_nothing_is_status_2(capsys):
    assert command.main(["--only", "no such row"]) == 2
    assert "--list" in capsys.readouterr().err


def test_without_the_compiler_nothing_is_measured(monkeypatch, capsys):
    def refuse(name):
        raise ImportError(f"{name} is not built")

    monkeypatch.setattr(command.importlib, "import_module", refuse)
    assert command.main(["--quick"]) == 1
    assert capsys.readouterr().err == "effattn._native is not built\n"


def test_rows_are_listed(capsys):
    assert command.main(["--quick", "--list", "--only", "f32 matmul: 512"]) == 0
    assert capsys.readouterr().out == "f32 matmul: 512 x 2048 x 768\n"


@pytest.mark.parametrize("status, code", [("measured", 0), ("wrong", 1), ("failed", 1)])
def test_wrong_results_make_status_1(status, code, tmp_path, monkeypatch, capsys):
    row = {"work": "matmul", "size": "8", "extent": 1.0, "threads": 1, "peers": []}
    row.update(status=status, reason="none", seconds={"median": 1.0, "low": 1.0, "high": 1.0})
    source, page = tmp_path / "all.json", tmp_path / "page.md"
    report = dict(date="today", commit="abc", settings=Settings()._asdict(), threads=[1], others=0.0)
    report.update(short_wait=False, probes={}, versions={}, rows=[row])
    report["machine"] = {"cpu": "a CPU", "cores": "1", "memory": "1 GiB", "system": "Linux"}
    source.write_text(json.dumps(report))
    assert command.main(["--from", str(source), "--markdown", str(page)]) == code
    assert "### matmul" in page.read_text()


def test_reports_are_merged():
    def report(commit, threads, *rows):
        found = [dict(work="w", size=size, threads=count, value=commit) for size, count in rows]
        return dict(commit=commit, threads=threads, probes={str(t): commit for t in threads}, rows=found)

    found = command.merge([report("a", [1], ("8", 1), ("9", 1)), report("b", [1, 2], ("9", 1), ("9", 2))])
    assert (found["commit"], found["threads"]) == ("b", [1, 2])
    assert found["probes"] == {"1": "b", "2": "b"}
    assert [(row["size"], row["threads"], row["value"]) for row in found["rows"]] == [
        ("8", 1, "a"),
        ("9", 1, "b"),
        ("9", 2, "b"),
    ]
