"""Measuring sizes of blocks: what is found, written and read again."""

import json

import numpy as np
import pytest

import effattn
from effattn import tune
from effattn.__main__ import main
from effattn.compiler import read_tiling

STEPS = [
    tune.Step(("slab-depth",), [(64,), (384,)], "transposed"),
    tune.Step(("key-tile",), [(16,)], "attention"),
]
IDENTITY = "func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> { return %x : tensor<3xf32> }"


@pytest.fixture(autouse=True)
def small_works(monkeypatch):
    works = {"transposed": [tune._product(96, 64, 128, transposed=True)], "attention": [tune._attention(1, 64, 16)]}
    monkeypatch.setattr(tune, "WORKS", works)


def test_every_size_is_known():
    names = {name for name, _, _ in tune._native.describe_tiling("native", [])}
    for step in tune.STEPS:
        assert set(step.names) <= names
        for candidate in step.candidates:
            sizes = dict(zip(step.names, candidate))
            found = {name: value for name, value, _ in tune._native.describe_tiling("native", read_tiling(sizes))}
            assert sizes.items() <= found.items()


def test_candidates_that_are_no_faster_are_left(monkeypatch):
    gains = {64: 1.2, 384: 1.1, 16: 0.9}
    monkeypatch.setattr(
        tune.Tuner, "gain", lambda self, kind, before, after: gains[[*after.values()][-1]]
    )
    best, measured = tune.tune(cpu="x86-64-v3", rounds=1, steps=STEPS)
    assert best == {"slab-depth": 64}
    assert {"slab-depth": 64, "gain": 1.2} in measured and {"key-tile": 16, "gain": 0.9} in measured


def test_a_file_is_written_and_read(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tune, "STEPS", STEPS)
    monkeypatch.setattr(tune.tune, "__defaults__", (*tune.tune.__defaults__[:3], STEPS))
    path = tmp_path / "tiling.json"
    assert main(["tune", "-o", str(path), "--rounds", "3"]) == 0
    content = json.loads(path.read_text())
    assert content["cpu"] == "native" and set(content["tiling"]) <= {"slab-depth", "key-tile"}
    assert all(entry["gain"] > 0 for entry in content["measured"])
    assert "slab-depth" in capsys.readouterr().out
    function = effattn.compile(IDENTITY, tiling=path)
    np.testing.assert_array_equal(function(np.ones(3, np.float32)), np.ones(3))


def test_wrong_files(tmp_path, capsys):
    assert main(["tune", "-o", str(tmp_path / "none" / "tiling.json")]) == 1
    assert "tiling.json" in capsys.readouterr().err
    assert main(["tune", "-o", str(tmp_path / "tiling.json"), "--rounds", "0"]) == 1
    assert "expected --rounds to be at least 1, but got 0" in capsys.readouterr().err
    assert not (tmp_path / "tiling.json").exists()
    with pytest.raises(effattn.Error, match="cannot read .*: no such file or directory"):
        effattn.compile(IDENTITY, tiling=tmp_path / "tiling.json")
    with pytest.raises(effattn.Error, match="expected a tiling to be one of .*, but got 'slab'"):
        effattn.compile(IDENTITY, tiling={"slab": 3})
