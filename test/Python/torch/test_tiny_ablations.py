# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The table of effattn-tiny without each of its systems, and the log of a training."""

import json
from dataclasses import asdict, replace

import pytest
import torch
from compiler import needs_compiler
from tiny_models import SMALL

from effattn import Error
from effattn.models.tiny import ablations, curve, log
from effattn.models.tiny.__main__ import main
from effattn.models.tiny.model import Config, Tiny, parameters


def test_models_have_as_many_parameters_as_the_whole():
    whole = parameters(Tiny())
    for name, changes in ablations.ABLATIONS.items():
        assert abs(parameters(Tiny(replace(Config(), **changes))) - whole) < 0.002 * whole, name


@pytest.mark.parametrize("name", [*ablations.ABLATIONS][1:])
def test_no_model_has_what_it_goes_without(name):
    wanted = {
        "a table without cores": lambda model: len(model.table.cores) == 1,
        "attention to all bytes": lambda model: "Separator" not in str(model),
        "no memory": lambda model: "RamNet" not in str(model),
        "no concepts": lambda model: "ConceptStage" not in str(model),
        "one wide layer for an hourglass": lambda model: len(model.encoder[0].ffn.norm) == 1,
    }[name]
    assert wanted(Tiny(replace(Config(), **ablations.ABLATIONS[name]))) and not wanted(Tiny())


def test_state_is_what_later_bytes_need():
    text = torch.tensor([list(b"one, two. " * 20)])
    config = replace(SMALL, attention="causal", memory=False, concepts=False)
    layers = config.encoder + config.decoder + config.concept_layers
    whole = ablations.state_bytes(Tiny(config).eval(), text)
    assert whole == 4 * 2 * config.width * 200 * layers
    sparse = replace(config, attention="separator")
    # Two of ten bytes, and what is first or near.
    kept = config.initial + 40 + config.window
    expected = 4 * 2 * config.width * (kept * (config.encoder + config.decoder) + 200 * config.concept_layers)
    assert ablations.state_bytes(Tiny(sparse).eval(), text) == expected


@needs_compiler
def test_the_table(texts, tmp_path, capsys, monkeypatch):
    small = asdict(SMALL)
    monkeypatch.setattr(ablations, "ABLATIONS", {"whole": small, "no memory": {**small, "memory": False}})
    monkeypatch.setattr(ablations, "TOKENS", 64)
    command = ["ablate", "--text", str(texts), "--output", str(tmp_path / "runs")]
    command += ["--steps", "3", "--batch", "2", "--tokens", "16"]
    assert main([*command, "--only", "no memory"]) == 0
    lines = tmp_path / "runs" / "no-memory" / "log.jsonl"
    before = lines.read_text()
    assert main(command) == 0
    assert lines.read_text() == before, "what is trained is not trained again"
    last = json.loads(before.splitlines()[-1])["validation_bits_per_byte"]
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| no memory")]
    assert len(rows) == 1 and float(rows[0][2]) == pytest.approx(last, abs=1e-3)
    assert main([*command, "--only", "no separators"]) == 1
    assert 'expected one of whole, no memory, but got "no separators"' in capsys.readouterr().err


def test_the_curve(tmp_path, capsys):
    folder = tmp_path / "run"
    folder.mkdir()
    entry = dict.fromkeys(curve.MEANS, 1.0)
    lines = [{"step": step, **entry, "chunk_rate": step / 50} for step in range(50)]
    lines[39][log.MEASURED] = 2.5
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for _ in range(2):
        assert main(["curve", str(folder), "-o", str(tmp_path / "docs")]) == 0
    rows = (tmp_path / "docs" / "tiny-log.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["steps", "20", "40", "50"]
    assert rows[1].split(",")[5] == "0.1900" and rows[2].endswith(",2.5") and rows[3].endswith(",")
    assert "<svg" in (tmp_path / "docs" / "tiny-loss.svg").read_text()
    del lines[39][log.MEASURED]
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(Error, match="to have a measurement on texts of validation, but it has none yet"):
        curve.read_measured(folder / "log.jsonl")
