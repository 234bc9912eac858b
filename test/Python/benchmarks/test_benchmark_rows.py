# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every row computes what the reference says, and what a row reports about itself and its peers."""

import dataclasses

import numpy as np
import pytest
from benchmarks import rows, worker
from benchmarks.families import WORKS
from benchmarks.probes import bound, memory_rates
from benchmarks.rows import Case, NotMeasured, Peer, Row
from benchmarks.runner import Settings
from compiler import needs_compiler

TINY = [row for work in WORKS for row in work.rows("tiny")]
FAST = Settings(rounds=2, slot=0.0, pause=0.0)


@needs_compiler
@pytest.mark.parametrize("row", TINY, ids=lambda row: row.name)
def test_ours_equals_the_reference(row):
    case = row.make(row.random())
    assert rows.check(case, case.call()) <= case.tolerance


@pytest.mark.parametrize("scale", ["tiny", "quick", "full"])
def test_rows_have_names_of_their_own_and_a_cost(scale):
    for row in rows.by_name(WORKS, scale).values():
        assert row.cost > 0
        assert row.extent > 0


def test_quick_rows_are_few():
    quick, full = (rows.by_name(WORKS, scale) for scale in ("quick", "full"))
    assert set(quick) - set(full) == set()
    assert 4 * len(quick) < len(full)


# --- What a row reports ------------------------------------------------------------------------------


def numbers(value=1.0):
    return [np.full(3, value)]


def row_of(*peers, result=1.0, expected=1.0):
    def make(rng):
        expect = [(lambda out: out[0], np.full(3, expected))]
        return Case(lambda: numbers(result), lambda: expect, 1e-6, list(peers))

    return Row("work", "size", 1.0, make, flops=2e9, read=1e6)


def ready(result=1.0):
    return lambda: lambda: np.full(3, result)


def report(*peers, **options):
    return worker.measure_row(row_of(*peers, **options), FAST, {})


def test_a_measured_row():
    found = report(Peer("peer", ready(), goal=2.0))
    assert found["status"] == "measured"
    assert found["error"] == 0.0
    assert found["rounds"] == 2
    (peer,) = found["peers"]
    assert peer["goal"] == 2.0
    assert peer["ratio"]["low"] <= peer["ratio"]["median"] <= peer["ratio"]["high"]


@pytest.mark.parametrize("result", [1.1, np.nan])
def test_a_wrong_result_is_not_measured(result):
    found = report(Peer("peer", ready()), result=result)
    assert found["status"] == "wrong"
    assert found["peers"] == []


def test_a_row_that_raises_has_failed():
    def make(rng):
        raise ValueError("no memory")

    found = worker.measure_row(Row("work", "size", 1.0, make, flops=1.0), FAST, {})
    assert (found["status"], found["reason"]) == ("failed", "ValueError: no memory")


def test_a_peer_that_is_missing_says_why():
    def missing():
        raise NotMeasured("torch cannot be imported")

    def broken():
        raise RuntimeError("first line\nsecond line")

    reasons = [peer["reason"] for peer in report(Peer("a", missing), Peer("b", broken))["peers"]]
    assert reasons == ["torch cannot be imported", "RuntimeError: first line"]


def test_a_peer_that_computes_something_else_is_not_measured():
    different, other_shape = Peer("a", ready(2.0)), Peer("b", lambda: lambda: np.ones(4))
    rough, unlike = Peer("c", ready(1.01)), Peer("d", ready(7.0), result=None)
    found = report(different, other_shape, rough, unlike)["peers"]
    assert ["reason" in peer for peer in found] == [True, True, False, False]
    assert found[0]["reason"] == "its result differs from ours by 1.0e+00"


def test_quick_runs_leave_out_what_compiles():
    found = worker.measure_row(row_of(Peer("a", ready(), compiles=True)), FAST, {}, quick=True)
    assert "--quick" in found["peers"][0]["reason"]


def test_work_scales_the_time_of_a_peer(monkeypatch):
    monkeypatch.setattr(worker, "measure", lambda calls, *rest: {name: [2.0, 2.0] for name in calls})
    found = report(Peer("once", ready()), Peer("thrice", ready(), work=3.0))["peers"]
    assert [peer["ratio"]["median"] for peer in found] == [1.0, 3.0]
    assert found[1]["seconds"]["median"] == 6.0


def test_endless_calls_are_not_begun():
    pace, row = worker.Pace(limit=1.0), row_of()
    pace.learn(row, worker.OURS, 0.9)
    pace.expect(row, worker.OURS)
    larger = Row("work", "larger", 2.0, row.make, flops=2 * row.flops)
    with pytest.raises(NotMeasured, match="a call would take about 2 s"):
        pace.expect(larger, worker.OURS)
    assert worker.measure_row(larger, FAST, {}, pace)["status"] == "not measured"
    pace.expect(dataclasses.replace(larger, limit=2.0), worker.OURS)
    pace.learn(row, "peer", 0.9)
    with pytest.raises(NotMeasured):
        pace.expect(dataclasses.replace(larger, limit=2.0), "peer")


# --- Bounds ------------------------------------------------------------------------------------------

RATES = {"f32": 1e9, "bf16": 2e9, "i8": 4e9, "memory": [(1e3, 4e9, 4e9), (1e6, 1e9, 5e8)]}


def test_a_row_is_bound_by_the_slower_of_arithmetic_and_memory():
    def row(**work):
        return Row("work", "size", 1.0, row_of().make, **work)

    assert bound(row(flops=2e9, read=1e6), RATES) == (2.0, "f32 arithmetic")
    assert bound(row(flops=2e9, arithmetic="bf16"), RATES) == (1.0, "bf16 arithmetic")
    assert bound(row(flops=1.0, read=1e9, written=1e9), RATES) == (3.0, "memory")
    assert bound(row(read=4e9, footprint=10.0), RATES) == (1.0, "memory")
    assert bound(row(flops=1.0), {}) is None


def test_memory_rates_lie_between_those_that_were_probed():
    assert memory_rates(RATES, 1.0) == (4e9, 4e9)
    assert memory_rates(RATES, 1e12) == (1e9, 5e8)
    assert 1e9 < memory_rates(RATES, 3e4)[0] < 4e9
