# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""effattn-tiny: its training, and its way to an object."""

import json
import math
import subprocess
from dataclasses import replace
from unittest import mock

import pytest
import torch
from compiler import needs_compiler
from tiny_models import SMALL, WORDS, near_ties

import effattn
from effattn import Error
from effattn.models import checkpoints
from effattn.models.tiny.__main__ import main
from effattn.models.tiny.files import WEIGHTS
from effattn.models.tiny.model import Tiny, parameters
from effattn.models.tiny.plan import Plan
from effattn.models.tiny.streaming import load_tiny
from effattn.models.tiny.training import Texts, Training, load_model

PLAN = Plan(steps=24, batch=4, tokens=32, rate=1e-2, warmup=4, measure_every=8)


def entries(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def train(texts, folder, *stops):
    for stop in stops:
        Training(Texts(texts, PLAN.tokens + 1), folder, SMALL, PLAN).run(stop)
    return entries(folder)


def test_training_learns_and_can_be_taken_up_again(texts, tmp_path):
    whole = train(texts, tmp_path / "whole", PLAN.steps)
    assert [entry["step"] for entry in whole] == list(range(PLAN.steps))
    assert whole[-1]["bits_per_byte"] < 0.75 * whole[0]["bits_per_byte"]
    assert "validation_bits_per_byte" in whole[7] and "validation_bits_per_byte" not in whole[8]

    # A log may hold steps of which no checkpoint was left.
    folder = tmp_path / "parts"
    train(texts, folder, 9)
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps({"step": 9, "loss": -1.0}) + "\n")
    parts = train(texts, folder, 13, PLAN.steps)
    for entry in [*whole, *parts]:
        del entry["seconds"]
    assert parts == whole
    models = [load_model(tmp_path / name / "model.pt") for name in ("whole", "parts")]
    for left, right in zip(*(model.state_dict().values() for model in models)):
        assert torch.equal(left, right)


def test_a_training_that_is_killed_keeps_its_log(texts, tmp_path):
    """Between any line and its checkpoint, and within a line."""
    folder = tmp_path / "run"
    with mock.patch.object(checkpoints, "write", side_effect=KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            train(texts, folder, PLAN.steps)
    assert [entry["step"] for entry in entries(folder)] == list(range(PLAN.measure_every))
    train(texts, folder, PLAN.measure_every)
    with (folder / "log.jsonl").open("a") as lines:
        lines.write('{"step": 8, "lo')
    assert [entry["step"] for entry in train(texts, folder, PLAN.steps)] == list(range(PLAN.steps))

    (folder / "log.jsonl").write_text("loss: 3\n" + (folder / "log.jsonl").read_text())
    with pytest.raises(Error, match="expected line 1 of .*log.jsonl to be a step of a training"):
        train(texts, folder, PLAN.steps)


def test_the_ratio_is_steered(texts, tmp_path):
    """From either side, where the loss of the next byte has no say."""
    for ratio, side in ((2.0, 1), (8.0, -1)):
        plan = replace(PLAN, steps=60, ratio_weight=10.0)
        training = Training(
            Texts(texts, plan.tokens + 1), tmp_path / str(ratio), replace(SMALL, ratio=ratio), plan
        )
        training.run(plan.steps)
        rates = [entry["chunk_rate"] for entry in entries(tmp_path / str(ratio))[-20:]]
        assert abs(sum(rates) / len(rates) - 1 / ratio) < 0.12


def test_mistakes_of_training(texts, tmp_path):
    train(texts, tmp_path / "run", 2)
    with pytest.raises(Error, match="to have width 32, but it has 16: train in another folder"):
        wide = replace(SMALL, width=32, columns=(4, 8))
        Training(Texts(texts, 33), tmp_path / "run", wide, PLAN)
    with pytest.raises(Error, match="to have tokens 16, but it has 32"):
        Training(Texts(texts, 33), tmp_path / "run", SMALL, replace(PLAN, tokens=16))
    for name in ("steps", "batch", "tokens", "measure_every"):
        with pytest.raises(Error, match=f"expected {name} to be an integer of at least 1, but got 0"):
            replace(PLAN, **{name: 0})
    with pytest.raises(Error, match="expected seed to be an integer of at least 0, but got -1"):
        replace(PLAN, seed=-1)
    with pytest.raises(Error, match="expected at least 33 bytes of text for training in .*, but got 0"):
        Texts(tmp_path / "nowhere", 33)
    with pytest.raises(Error, match="cannot read .*: no such file or directory"):
        load_model(tmp_path / "model.pt")
    for text in ("no checkpoint", "a\nb\nc\n", ""):
        (tmp_path / "text.pt").write_text(text)
        with pytest.raises(Error, match="text.pt is no checkpoint of effattn-tiny"):
            load_model(tmp_path / "text.pt")
    with pytest.raises(Error, match="expected the columns of the cores to make up the width"):
        Tiny(replace(SMALL, width=20))


def test_commands(texts, tmp_path, capsys):
    folder = tmp_path / "run"
    sizes = ["--steps", "2", "--batch", "1", "--tokens", "16"]
    assert main(["train", "--text", str(texts), "--output", str(folder), *sizes]) == 0
    assert "bits per byte of validation" in capsys.readouterr().out
    assert main(["export", "--whole", str(folder / "model.pt"), "-o", str(tmp_path / "tiny.mlir")]) == 0
    text = (tmp_path / "tiny.mlir").read_text()
    for name in (
        "tensor_train_embedding",
        "separator_mask",
        "hourglass_ffn",
        "address_memory",
        "chunk",
        "moe_ffn",
        "dechunk",
    ):
        assert f"effattn.{name}" in text
    assert main(["curve", str(tmp_path), "-o", str(tmp_path / "docs")]) == 1
    assert "effattn: cannot use " in capsys.readouterr().err
    assert not (tmp_path / "docs").exists()
    assert main(["export", str(folder / "model.pt"), "-o", str(tmp_path / "nowhere" / "tiny.mlir")]) == 1
    assert "nowhere does not exist" in capsys.readouterr().err
    for threads in ("0", "-1", "two"):
        with pytest.raises(SystemExit):
            main(["train", "--text", str(texts), "--output", str(folder), *sizes, "--threads", threads])
        sentence = f"argument --threads: expected an integer of at least 1, but got {threads}"
        assert sentence in capsys.readouterr().err
    assert main(["export", str(tmp_path / "no.pt"), "-o", "x.mlir"]) == 1
    assert "cannot read" in capsys.readouterr().err


@needs_compiler
@pytest.mark.parametrize("weights", ["drawn", "trained"])
def test_compiled_logits_are_those_of_pytorch(weights, tmp_path):
    """To 1e-4 of 1 + |x| for whole texts of which no decision is within 1e-5 of a tie."""
    torch.manual_seed(0)
    model = load_tiny(WEIGHTS) if weights == "trained" else Tiny().eval()
    assert parameters(model) <= 2_000_000
    text = torch.tensor(list((WORDS * 8).encode()))
    example = text[:48].reshape(2, 24)
    compiled = effattn.compile(model, (example,), entry="tiny", optimization=0)
    compared = tied = 0
    for batch, tokens in ((2, 24), (1, 1), (3, 100), (4, 40), (1, 256)):
        ids = torch.stack([text[place : place + tokens] for place in range(0, 7 * batch, 7)])
        found = {"choices": 0}
        with torch.no_grad(), near_ties(found):
            wanted = model(ids)
        result = compiled(ids)
        found["boundaries"] = int(((wanted.p - 0.5).abs() < 1e-5).sum())
        if any(found.values()):
            tied += ids.numel()
            continue
        compared += ids.numel()
        assert torch.equal(result.boundaries, wanted.boundaries)
        assert ((result.logits - wanted.logits).abs() <= 1e-4 * (1 + wanted.logits.abs())).all()
        assert math.isclose(result.balance, wanted.balance, rel_tol=1e-4)
    print(f"{compared} tokens compared, {tied} in texts with a decision near a tie")
    assert compared > tied

    compiled.save(tmp_path / "tiny.o")
    symbols = subprocess.run(["nm", tmp_path / "tiny.o"], capture_output=True, text=True).stdout
    assert " T tiny" in symbols
