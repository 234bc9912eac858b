# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""MQAR: its examples, its models beside their compiled code, its training and its commands."""

import itertools
import json
import re
import subprocess
import sys
from dataclasses import replace
from unittest import mock

import pytest
import torch
from compiler import needs_compiler

from effattn import Error
from effattn.models import checkpoints
from effattn.models.mqar.__main__ import main
from effattn.models.mqar.examples import BLANK, Task
from effattn.models.mqar.measuring import CompiledModel, conclusions
from effattn.models.mqar.model import KINDS, Config, Model, state_bytes
from effattn.models.mqar.training import VALIDATION, Plan, Trained, Training, accuracy

TASK = Task(keys=8, values=6)
CONFIG = Config(width=16, base=4, kept=2, value_width=8)
PLAN = Plan(pairs=(1, 2), steps=60, tokens=256, rate=2e-2, warmup=5, save_every=25)
SIZES = ["--keys", "8", "--values", "6", "--width", "16", "--base", "4", "--kept", "2", "--value-width", "8"]
SIZES += ["--pairs", "1", "2", "--tokens", "32", "--warmup", "1"]


@pytest.mark.parametrize("pairs", [1, 5, 8])
def test_examples(pairs):
    ids, queries, answers = TASK.batch(pairs, 40, (0, 1))
    assert ids.shape == (40, 4 * pairs) and queries.shape == answers.shape == (40, pairs)
    for text, places, values in zip(ids.tolist(), queries.tolist(), answers.tolist()):
        keys, stored = text[0 : 2 * pairs : 2], text[1 : 2 * pairs : 2]
        assert set(keys) <= set(range(1, 9)) and set(stored) <= set(range(9, 15))
        assert len(set(keys)) == pairs and places == sorted(places) and places[0] >= 2 * pairs
        pair_of = dict(zip(keys, stored))
        assert [pair_of.pop(text[place]) - 9 for place in places] == values and not pair_of
        assert sum(token != BLANK for token in text) == 3 * pairs
    again, others = TASK.batch(pairs, 40, (0, 1)), TASK.batch(pairs, 40, (0, 2))
    assert torch.equal(ids, again.ids) and not torch.equal(ids, others.ids)


@pytest.mark.parametrize("digits, base, width", [(2, 8, 32), (3, 4, 8), (1, 5, 3)])
def test_states_have_the_same_size(digits, base, width):
    config = Config(digits=digits, base=base, value_width=width)
    sizes = {state_bytes(Model(kind, config, TASK)) for kind in KINDS}
    assert sizes == {4 * base**digits * (width + 1)}


@pytest.mark.parametrize("kind", KINDS)
def test_later_tokens_change_nothing(kind):
    torch.manual_seed(0)
    model = Model(kind, replace(CONFIG, layers=2), TASK)
    ids = torch.randint(TASK.vocabulary, (3, 9))
    torch.testing.assert_close(model(ids)[:, :5], model(ids[:, :5]))


def test_linear_attention_has_the_state_that_is_stated():
    """Token by token over features times values, and the sum of features."""
    torch.manual_seed(0)
    layer = KINDS["linear-attention"](CONFIG)
    x = torch.randn(2, 7, CONFIG.width)
    contents, added = layer.start(2)
    stored, outs = torch.zeros(2, CONFIG.slots), []
    for t in range(7):
        asked = layer.address(x[:, t])
        key, query = (torch.where(part > 0, part + 1.0, part.exp()) for part in (stored, asked))
        contents = contents + key[:, :, None] * layer.value(x[:, t])[:, None, :]
        added = added + key
        outs.append((query[:, None] @ contents)[:, 0] / (query * added).sum(-1, keepdim=True))
        stored = asked
    torch.testing.assert_close(layer(x), layer.output(torch.stack(outs, 1)))


@pytest.mark.parametrize("kind", KINDS)
def test_training_learns_and_can_be_taken_up_again(kind, tmp_path):
    def train(folder, *stops):
        for stop in stops:
            training = Training(tmp_path / folder, kind, CONFIG, TASK, PLAN)
            training.run(stop)
        return training

    whole, parts = train("whole", PLAN.steps), train("parts", 7, 31, PLAN.steps)
    assert whole.losses == parts.losses and len(whole.losses) == PLAN.steps
    for left, right in zip(*(each.model.state_dict().values() for each in (whole, parts))):
        assert torch.equal(left, right)
    trained = Trained(tmp_path / "parts" / "checkpoint.pt")
    with torch.no_grad():
        assert accuracy(trained.model, TASK.batch(2, 200, (0, VALIDATION))) > 0.9


@needs_compiler
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_compiled_logits_are_those_of_pytorch(kind):
    torch.manual_seed(0)
    model = Model(kind, replace(CONFIG, layers=2), TASK).eval()
    compiled = CompiledModel(Model(kind, model.config, TASK))
    compiled.take(model)
    for batch, tokens in ((2, 8), (1, 1), (5, 20), (0, 4), (2, 0)):
        ids = torch.randint(TASK.vocabulary, (batch, tokens))
        with torch.no_grad():
            torch.testing.assert_close(compiled(ids), model(ids), rtol=1e-4, atol=1e-4)


@needs_compiler
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_commands(tmp_path, capsys):
    folder, results, picture = tmp_path / "run", tmp_path / "mqar.json", tmp_path / "mqar.svg"
    grid = ["--steps", "2", "--rate", "0.01", "0.02", "--seed", "0", "1"]
    assert main(["train", "--output", str(folder), *SIZES, *grid]) == 0
    assert len(list(folder.iterdir())) == 8
    assert main(["measure", str(folder), "-o", str(results), "--queries", "16"]) == 0
    said = capsys.readouterr().out
    assert "576 bytes of state: RAM-Net recalls" in said and said.count("| ram-net |") == 1
    rows = json.loads(results.read_text())["rows"]
    assert [(row["kind"], row["seeds"]) for row in rows] == [
        (kind, [0, 1]) for kind, _ in itertools.product(sorted(KINDS), range(2))
    ]
    for kind in KINDS:
        best = max((row for row in rows if row["kind"] == kind), key=lambda row: row["validation"])
        assert [row["chosen"] for row in rows if row["kind"] == kind].count(True) == 1 and best["chosen"]
    assert main(["plot", str(results), "-o", str(picture)]) == 0
    drawn = picture.read_text()
    assert "ram-net, 576 bytes" in drawn
    assert main(["plot", str(results), "-o", str(picture)]) == 0
    assert picture.read_text() == drawn


def rows(ours, theirs):
    common = {"state_bytes": 64, "chosen": True}
    kinds = {"ram-net": ours, "linear-attention": theirs}
    return {
        "pairs": [4, 8, 16],
        "rows": [{"kind": kind, "accuracy": found, **common} for kind, found in kinds.items()],
    }


def test_conclusions_follow_the_numbers():
    better, mixed, worse = [[0.9, 1.0]] * 3, [[0.9, 1.0], [0.8, 0.95], [0.1, 0.2]], [[0.0, 0.3]] * 3
    (sentence,) = conclusions(rows(better, worse))
    assert sentence.endswith("RAM-Net is ahead at 4, 8, 16 pairs, linear attention at no")
    (sentence,) = conclusions(rows(mixed, better))
    assert sentence.endswith("RAM-Net is ahead at no pairs, linear attention at 16")
    assert "RAM-Net recalls 65.8 % and linear attention 95.0 %" in sentence
    (sentence,) = conclusions(rows(mixed, worse))
    assert sentence.endswith("RAM-Net is ahead at 4, 8 pairs, linear attention at no")


def test_mistakes(tmp_path, capsys):
    def mistake(*arguments):
        assert main([*map(str, arguments)]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        return line

    train = ["train", "--output", tmp_path / "run", "--kind", "ram-net", *SIZES]
    assert "expected 1 to 8 pairs, as many as there are keys, but got 9" in mistake(*train, "--pairs", "9")
    assert "to have the 32 tokens of 8 pairs, but got 16" in mistake(*train, "--pairs", 8, "--tokens", 16)
    for option, number, least in (
        ("--steps", 0, 1),
        ("--save-every", 0, 1),
        ("--seed", -1, 0),
        ("--values", 0, 1),
        ("--layers", 0, 1),
        ("--digits", 0, 1),
    ):
        name = option.strip("-").replace("-", "_")
        sentence = f"expected {name} to be an integer of at least {least}, but got {number}"
        assert sentence in mistake(*train, option, number)
    for option in ("--gamma", "--rate", "--weight-decay"):
        name = option.strip("-").replace("-", "_")
        for number in ("-1", "nan", "inf"):
            found = mistake(*train, option, number)
            assert f"expected {name} to be finite and not negative, but got {number}" in found
    assert "expected kept to be at most 16, as many as there are slots, but got 17" in mistake(*train, "--kept", 17)
    assert not (tmp_path / "run").exists()
    assert "expected a finite loss" in mistake(*train, "--rate", "1e30", "--steps", "9", "--warmup", 0)

    Training(tmp_path / "begun" / "one", "ram-net", CONFIG, TASK, PLAN).run(1)
    checkpoint = tmp_path / "begun" / "one" / "checkpoint.pt"
    with pytest.raises(Error, match="to have tokens 64, but it has 256: train in another folder"):
        Training(checkpoint.parent, "ram-net", CONFIG, TASK, replace(PLAN, tokens=64))
    with pytest.raises(Error, match="to have kind linear-attention, but it has ram-net"):
        Training(checkpoint.parent, "linear-attention", CONFIG, TASK, PLAN)
    measured = tmp_path / "mqar.json"
    found = mistake("measure", tmp_path / "begun", "-o", measured)
    assert "to have taken 60 steps, but it has taken 1: train it to its end" in found
    found = mistake("measure", tmp_path / "begun", "-o", measured, "--queries", 0)
    assert "expected queries to be an integer of at least 1, but got 0" in found
    assert "expected trained models in" in mistake("measure", tmp_path, "-o", measured)
    begun = checkpoints.read(checkpoint, "")
    for change in (
        {"config": {}},
        {"config": {**begun["config"], "kind": "lstm"}},
        {"plan": {**begun["plan"], "momentum": 0.9}},
        {"weights": {}},
    ):
        checkpoints.write(checkpoint, {**begun, **change})
        found = mistake("measure", tmp_path / "begun", "-o", measured)
        assert "checkpoint.pt to hold a model of MQAR, but it has other sizes or names" in found
    checkpoints.write(checkpoint, {**begun, "config": 3})
    assert "is no checkpoint" in mistake("measure", tmp_path / "begun", "-o", measured)
    checkpoint.write_text("no checkpoint")
    found = mistake("measure", tmp_path / "begun", "-o", measured)
    assert "checkpoint.pt is no checkpoint of effattn.models.mqar" in found
    measured.write_text("{}")
    assert "to be what measure wrote" in mistake("plot", measured, "-o", tmp_path / "mqar.svg")
    assert "expected a picture to end in .svg, .png, .pdf" in mistake("plot", measured, "-o", tmp_path / "mqar.gif")
    assert "no does not exist" in mistake("measure", tmp_path / "begun", "-o", tmp_path / "no" / "mqar.json")
    assert "mqar.json" in mistake("plot", tmp_path / "no" / "mqar.json", "-o", tmp_path / "mqar.svg")


def test_interrupts_are_one_sentence(tmp_path, capsys):
    with mock.patch.object(Training, "run", side_effect=KeyboardInterrupt):
        assert main(["train", "--output", str(tmp_path), *SIZES]) == 130
    assert capsys.readouterr().err == "effattn: interrupted\n"
    with mock.patch.object(Training, "run", side_effect=MemoryError("no room for 9 GiB")):
        assert main(["train", "--output", str(tmp_path), *SIZES]) == 1
    assert capsys.readouterr().err == "effattn: out of memory: no room for 9 GiB\n"


def test_without_pytorch():
    """In a process of its own, into which it cannot be imported."""
    blocked = "import sys; sys.modules['torch'] = None; from effattn.models.mqar.__main__ import main; sys.exit(main([]))"
    done = subprocess.run([sys.executable, "-c", blocked], capture_output=True, text=True)
    assert done.returncode == 1
    assert re.fullmatch("effattn: expected PyTorch to be installed to .*: pip install torch brings it\n", done.stderr)


def test_the_rate_rises_and_falls():
    plan = Plan(steps=100, warmup=10, rate=0.5)
    rates = [plan.rate_at(step) for step in range(plan.steps + 1)]
    assert rates[:10] == pytest.approx([0.05 * (step + 1) for step in range(10)])
    assert rates[10] == 0.5 and rates[100] == pytest.approx(0.05)
    assert all(after < before for before, after in zip(rates[10:], rates[11:]))
