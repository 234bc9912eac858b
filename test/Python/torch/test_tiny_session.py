# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""effattn-tiny without PyTorch: its files, its texts, its commands."""

import importlib.util
import json
import re
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
import torch
from compiler import needs_compiler
from tiny_models import SMALL, WORDS

import effattn
from effattn import Error
from effattn.models.generation import Sampler
from effattn.models.tiny import bench
from effattn.models.tiny.__main__ import main
from effattn.models.tiny.bounds import Bounds
from effattn.models.tiny.files import (
    PROGRAM,
    Weights,
    load_steps,
    load_weights,
    plain,
    save_weights,
    steps_for,
)
from effattn.models.tiny.model import Config, Tiny
from effattn.models.tiny.session import TinyModel, Writing
from effattn.models.tiny.streaming import Streaming, load_tiny, write


def weights_of(model):
    arrays = {name: value.numpy() for name, value in model.state_dict().items()}
    return Weights(plain(model.config.stored()), arrays)


@pytest.fixture(scope="module")
def small():
    """A small model in PyTorch and compiled."""
    torch.manual_seed(2)
    model = Tiny(SMALL).eval()
    steps = write(Streaming.of(model, Bounds(separators=20, slack=3)))
    library = effattn.compile(str(steps), optimization=0)
    return model, TinyModel(library, weights_of(model), steps)


def test_stored_steps_are_those_of_the_model():
    """After a change: python -m effattn.models.tiny export MODEL -o python/src/effattn/models/tiny/tiny.mlir."""
    assert str(write(Streaming())) == PROGRAM.read_text()


def test_files_of_weights(tmp_path):
    model, path = Tiny(SMALL).eval(), tmp_path / "small.safetensors"
    save_weights(path, weights_of(model))
    loaded = load_tiny(path)
    assert loaded.config == SMALL
    for left, right in zip(loaded.state_dict().values(), model.state_dict().values()):
        assert torch.equal(left, right)
    torch.save({"config": SMALL.stored(), "weights": model.state_dict()}, tmp_path / "small.pt")
    found = [load_weights(tmp_path / f"small.{suffix}") for suffix in ("pt", "safetensors")]
    assert found[0].config == found[1].config
    assert found[0].arrays.keys() == found[1].arrays.keys()

    with pytest.raises(Error, match="cannot read .*none.safetensors: no such file or directory"):
        load_weights(tmp_path / "none.safetensors")
    with pytest.raises(Error, match=f"cannot read {tmp_path}: it is a folder"):
        load_weights(tmp_path)
    (tmp_path / "text.safetensors").write_text("no tensors")
    with pytest.raises(Error, match="expected .*text.safetensors to be a .safetensors file"):
        load_weights(tmp_path / "text.safetensors")
    (tmp_path / "text.mlir").write_text("func.func @prefill()\n")
    with pytest.raises(Error, match="text.mlir does not begin with the sizes of effattn-tiny"):
        load_steps(tmp_path / "text.mlir")


def test_what_needs_pytorch_says_so(tmp_path, capsys):
    weights = weights_of(Tiny(SMALL))
    (tmp_path / "model.pt").touch()
    with mock.patch.object(importlib.util, "find_spec", lambda name: None):
        with pytest.raises(Error, match="width, .* differ: a program for these needs PyTorch"):
            steps_for(weights)
        assert steps_for(Weights(plain(Config().stored()), {})) == load_steps()
        for command in (
            ["generate", "a", "--weights", str(tmp_path / "model.pt")],
            ["export", "model.pt", "-o", "model.mlir"],
            ["curve", str(tmp_path), "-o", str(tmp_path)],
        ):
            assert main(command) == 1
            sentence = "expected PyTorch to be installed to .*: pip install torch brings it"
            assert re.fullmatch(f"effattn: {sentence}\n", capsys.readouterr().err)
    # In a process of its own: nothing of the help is behind PyTorch.
    blocked = "import sys; sys.modules['torch'] = None; from effattn.models.tiny.__main__ import main; main(['--help'])"
    text = subprocess.run([sys.executable, "-c", blocked], capture_output=True, text=True, check=True).stdout
    assert "ablate" in text


@needs_compiler
def test_writing_takes_the_likeliest_bytes(small):
    model, compiled = small
    prompt = WORDS[:20].encode()
    text = Writing(compiled.start(), prompt, Sampler(0.0), 30)
    pieces = "".join(text)
    ids = torch.tensor([list(text.text)])
    with torch.no_grad():
        output = model(ids)
    likeliest = output.logits[0].argmax(-1).numpy()
    assert len(text.text) == 50
    assert bytes(text.text[20:]) == bytes(likeliest[19:-1].astype(np.uint8))
    assert pieces == bytes(text.text[20:]).decode(errors="replace")
    # The last byte was not read.
    assert len(text.reading.boundaries) == 49
    np.testing.assert_array_equal(text.reading.boundaries, output.boundaries[0, :-1])
    assert text.reading.written.shape == text.reading.read.shape == (49, SMALL.kept)


@needs_compiler
def test_parts_of_texts(small):
    """Caches grow, calls are of so many bytes, texts of a batch are apart."""
    model, compiled = small
    ids = np.frombuffer(WORDS.encode() * 3, np.uint8).reshape(3, -1)[:2]
    with torch.no_grad():
        wanted = model(torch.from_numpy(ids.astype(np.int64))).logits.numpy()
    for chunk in (7, 64):
        session = compiled.start(batch=2, chunk=chunk)
        used = session.used
        parts = [session.read(ids[:, place : place + 20]).logits for place in range(0, ids.shape[1], 20)]
        np.testing.assert_allclose(np.concatenate(parts, 1), wanted, atol=1e-3, rtol=1e-3)
        assert session.seen == ids.shape[1]
        counts = session.states["state_concept_layers_0_attention_length"]
        assert session.used - used == counts.sum() * 2 * SMALL.width * 4


@needs_compiler
def test_mistakes(small):
    _, compiled = small
    with pytest.raises(Error, match="expected a prompt of at least one byte, but it is empty"):
        Writing(compiled.start(), b"", Sampler(0.0), 3)
    with pytest.raises(Error, match="expected at least one byte to read, but got none"):
        compiled.start().read(b"")
    library, weights = compiled._functions["prefill"], compiled.weights
    arrays = dict(weights.arrays)
    arrays["norm.weight"] = np.ones(3, np.float32)
    with pytest.raises(Error, match="to have norm_weight of 16, but got 3"):
        TinyModel(library, Weights(weights.config, arrays), compiled.steps)
    del arrays["norm.weight"]
    with pytest.raises(Error, match="to have norm_weight, but they have none"):
        TinyModel(library, Weights(weights.config, arrays), compiled.steps)


@needs_compiler
def test_bench(small):
    _, compiled = small
    report = bench.measure(compiled, prompt=12, tokens=3, rounds=1, eager_tokens=1)
    assert set(report["bytes_per_second"]) == {"effattn", "pytorch"}
    assert report["state"]["full_cache_bytes"] == 15 * 2 * SMALL.width * 4 * 3
    assert "times as fast" in bench.lines(report)[0]
    alone = bench.measure(compiled, prompt=2, tokens=1, rounds=1, eager_tokens=0)
    assert "nothing to compare with" in bench.lines(alone)[2]


@needs_compiler
def test_commands(small, tmp_path, capsys):
    model, compiled = small
    path = str(tmp_path / "small.safetensors")
    save_weights(tmp_path / "small.safetensors", weights_of(model))
    options = ["--weights", path, "--folder", str(tmp_path)]
    with mock.patch.object(TinyModel, "open", lambda *_: compiled):
        texts = []
        for _ in range(2):
            assert main(["generate", "caf\udcc3", "--tokens", "8", "--seed", "3", *options]) == 0
            texts.append(capsys.readouterr().out)
        assert texts[0] == texts[1] and texts[0].startswith("caf\ufffd")
        assert main(["generate", "", *options]) == 1
        assert capsys.readouterr().err == "effattn: expected a prompt of at least one byte, but it is empty\n"
        sizes = ["--prompt-bytes", "4", "--tokens", "2", "--rounds", "1", "--eager-tokens", "0"]
        assert main(["bench", "--json", *sizes, *options]) == 0
        assert json.loads(capsys.readouterr().out)["prompt"] == 4
    assert main(["generate", "a", "--weights", str(tmp_path / "none.safetensors")]) == 1
    assert "none.safetensors: no such file or directory" in capsys.readouterr().err
