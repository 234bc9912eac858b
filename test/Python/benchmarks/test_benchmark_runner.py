# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rounds and statistics, by a clock that calls move."""

import pytest
from benchmarks import runner
from benchmarks.runner import Settings, Spread


class Machine:
    """A clock, and calls that take known times in turn."""

    def __init__(self):
        self.now, self.log = 0.0, []

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds

    def call(self, name, *seconds):
        def run():
            done = sum(entry == name for entry in self.log)
            self.log.append(name)
            self.now += seconds[min(done, len(seconds) - 1)]

        return run


@pytest.mark.parametrize(
    "values, expected",
    [
        ([2.0], Spread(2.0, 2.0, 2.0)),
        ([3.0, 1.0], Spread(2.0, 1.5, 2.5)),
        ([5.0, 1.0, 2.0, 4.0, 3.0], Spread(3.0, 2.0, 4.0)),
    ],
)
def test_quartiles(values, expected):
    assert runner.quartiles(values) == expected


def test_ratios_are_taken_inside_of_rounds():
    # The machine was ten times slower in the second round, for both.
    assert runner.ratios([1.0, 10.0, 1.0], [2.0, 20.0, 2.0]) == Spread(2.0, 2.0, 2.0)


def test_a_slot_is_its_fastest_call():
    machine = Machine()
    call = machine.call("ours", 9.0, 3.0, 2.0, 4.0)
    assert runner.slot(call, 8.0, 1.0, machine.clock) == 2.0
    # One to wake threads, and three until eight seconds are over.
    assert len(machine.log) == 4


def test_a_slot_of_a_long_call_is_that_call():
    machine = Machine()
    assert runner.slot(machine.call("ours", 9.0), 8.0, 9.0, machine.clock) == 9.0
    assert len(machine.log) == 1


def test_the_budget_limits_rounds():
    settings = Settings(rounds=9, slot=0.5, budget=10.0)
    assert runner.count_rounds(settings, {"a": 0.1, "b": 0.2}) == 9
    assert runner.count_rounds(settings, {"a": 1.0, "b": 1.5}) == 4
    assert runner.count_rounds(settings, {"a": 100.0}) == 1


def test_sides_take_turns_and_the_order_is_reversed():
    machine = Machine()
    calls = {name: machine.call(name, 2.0) for name in ("ours", "peer")}
    settings = Settings(rounds=3, slot=1.0, budget=100.0, pause=1.0)
    times = runner.measure(calls, {"ours": 2.0, "peer": 2.0}, settings, machine.clock, machine.sleep)
    assert machine.log == ["ours", "peer", "peer", "ours", "ours", "peer"]
    assert times == {"ours": [2.0] * 3, "peer": [2.0] * 3}
