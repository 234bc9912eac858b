# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""``python -m effattn generate | perplexity | stream`` with a tiny model."""

import re
import shutil

import numpy as np
import pytest
from compiler import needs_compiler
from model_forward import forward
from tiny_model import CONFIG

from effattn import Error
from effattn.__main__ import main
from effattn.models.attention import Attention
from effattn.models.formats import Format
from effattn.models.generation import Generation, Sampler
from effattn.models.gguf_file import GGUFModel
from effattn.models.scoring import Score
from effattn.models.store import MODELS, Package, Store
from effattn.models.tokenizer import Tokenizer, sentencepiece_model

pytestmark = needs_compiler

TEXT = "the inner one, then a word.\n\nwhere is it? there; " * 3
F32 = Format("f32", "f32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("folder")


@pytest.fixture
def run(tiny_gguf, folder, capsys):
    def command(name, *arguments):
        common = ["--model", str(tiny_gguf), "--folder", str(folder), "--body", "f32", "--table", "f32"]
        status = main([name, *common, *map(str, arguments)])
        return status, *capsys.readouterr()

    return command


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture(scope="module")
def tokenizer(tiny_gguf):
    return Tokenizer(sentencepiece_model(GGUFModel(tiny_gguf).vocabulary()))


def test_the_likeliest_tokens_are_those_of_numpy(run, tokenizer, tiny_weights):
    status, out, err = run("generate", "the inner", "--tokens", 4, "--temperature", 0, "--context", 20)
    assert status == 0
    ids = tokenizer.encode("the inner")
    prompt = len(ids)
    none = np.zeros(CONFIG.vocabulary, bool)
    for _ in range(4):
        ids.append(int(forward(tiny_weights(F32), Attention(), np.array([ids]), none)[0, -1].argmax()))
    assert tokenizer.end not in ids
    assert out == "the inner" + tokenizer.decode(ids[prompt:]) + "\n"
    assert re.fullmatch(
        rf"prompt: {prompt - 1} tokens in .* a second; text: 4 tokens in .* a second; caches: \d+\.\d MB\n",
        err,
    )


def test_a_seed_gives_the_same_text_again(run):
    arguments = ("generate", "the", "--tokens", 12, "--context", 20, "--seed")
    first, again, other = (run(*arguments, seed)[1] for seed in (1, 1, 2))
    assert first == again != other


def test_perplexity_is_that_of_numpy(run, text, tokenizer, tiny_weights):
    status, out, _ = run("perplexity", text, "--context", 30)
    assert status == 0
    ids, loss = tokenizer.encode(TEXT)[1:], 0.0
    none = np.zeros(CONFIG.vocabulary, bool)
    for start in range(0, len(ids), 29):
        part = [tokenizer.begin, *ids[start : start + 29]]
        logits = forward(tiny_weights(F32), Attention(), np.array([part]), none)[0]
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        loss -= sum(logits[place, token] for place, token in enumerate(part[1:]))
    found = re.match(r"perplexity (\S+) over (\d+) tokens in .*; caches: \d+\.\d MB\n$", out)
    assert int(found[2]) == len(ids)
    assert float(found[1]) == pytest.approx(np.exp(loss / len(ids)), rel=1e-4)


def test_a_stream_may_be_longer_than_a_bounded_cache(run, text, tokenizer, tiny_weights):
    layout = {"initial": 2, "separators": 3, "window": 4, "slack": 2}
    options = [word for name, value in layout.items() for word in (f"--{name}", value)]
    status, out, _ = run("stream", text, "--attention", "separator-cache", "--context", 1, *options)
    assert status == 0
    ids = np.array([tokenizer.encode(TEXT)])
    flags = tokenizer.separators(".,?!;:\n\t")
    logits = forward(tiny_weights(F32), Attention("separator-cache", **layout), ids, flags)[0]
    total = Score()
    total.add(logits[:-1], ids[0, 1:])
    found = re.match(r"perplexity (\S+) over (\d+) tokens", out)
    assert int(found[2]) == ids.shape[1] - 1
    assert float(found[1]) == pytest.approx(total.perplexity, rel=1e-4)


def test_what_is_kept_is_used_again(run, text, folder):
    run("perplexity", text, "--tokens", 3)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert {path.suffix for path in before} == {".weights", ".so", ".mlir"}
    run("perplexity", text, "--tokens", 3)
    assert before == {path: path.stat().st_mtime_ns for path in folder.iterdir()}


REFUSED = {
    "long prompt": (
        ["generate", "the " * 40, "--context", 20],
        r"expected at most 20 tokens with attention full, but got \d+",
    ),
    "long stream": (["stream", "TEXT", "--context", 20], "at most 20 tokens with attention full, but got"),
    "separators": (
        ["perplexity", "TEXT", "--attention", "separator", "--separator-characters", "#"],
        "to be pieces of the vocabulary, but '#' is none",
    ),
    "temperature": (["generate", "the", "--temperature", -1], "expected temperature to be finite"),
    "seed": (["generate", "the", "--seed", -1], "expected seed to be at least 0, but got -1"),
    "tokens": (["generate", "the", "--tokens", -1], "expected tokens to be at least 0, but got -1"),
    "tokens of a text": (["stream", "TEXT", "--tokens", 0], "expected tokens to be at least 1, but got 0"),
    "top_k": (["generate", "the", "--top-k", 0], r"expected top_k to lie in \[1, 307\], but got 0"),
    "context": (["perplexity", "TEXT", "--context", 1], "expected context to be at least 2, but got 1"),
    "no text": (["perplexity", "none.txt"], "cannot read none.txt: no such file"),
    "window": (["generate", "the", "--window", 0], "expected window to be an integer of at least 1"),
    "weights": (["generate", "the", "--weights", "TEXT"], "to be a file of weights, but it has another"),
    "folder": (
        ["generate", "the", "--folder", "/dev/null/folder"],
        "cannot use /dev/null/folder: not a directory",
    ),
    "group": (["generate", "the", "--table", 8, "--group", 7], "group to divide the 32 columns"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_one_sentence(case, run, text):
    arguments, sentence = REFUSED[case]
    status, out, err = run(*(str(text) if word == "TEXT" else word for word in arguments))
    assert status == 1 and out == ""
    assert re.match(f"effattn: .*{sentence}.*\n$", err)


def test_an_empty_prompt_begins_a_text(run):
    status, out, err = run("generate", "", "--tokens", 3, "--context", 20)
    assert status == 0 and out.endswith("\n") and err.startswith("prompt: 0 tokens")


def test_interrupts_are_one_sentence(run, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Generation, "__iter__", interrupt)
    status, out, err = run("generate", "the", "--tokens", 3, "--context", 20)
    assert (status, out, err) == (130, "the", "effattn: interrupted\n")


def test_a_file_that_was_joined_is_used_without_its_package(tiny_gguf, tmp_path, monkeypatch):
    store = Store(tmp_path)
    monkeypatch.setitem(MODELS, "tiny", Package("no_such_package", "no-such-package"))
    with pytest.raises(Error, match="package of tiny to be installed: pip install no-such-package"):
        store.source("tiny")
    shutil.copy(tiny_gguf, tmp_path / "tiny.gguf")
    assert store.source("tiny") == tmp_path / "tiny.gguf"


def test_texts_that_are_no_texts_are_refused(run, text):
    text.write_bytes(b"\xff\xfe")
    assert "to be a text in UTF-8, but got" in run("perplexity", text)[2]
    text.write_bytes(b"")
    assert "to hold a text, but it is empty" in run("perplexity", text)[2]


def test_other_models_are_refused(capsys, tmp_path):
    assert main(["generate", "--model", "gemma-9", "--folder", str(tmp_path), "the"]) == 1
    error = capsys.readouterr().err
    assert error == "effattn: cannot read gemma-9: no such file or directory; known models are gemma-3-270m\n"


def test_weights_of_another_format_are_refused(run, folder, tmp_path):
    (weights,) = folder.glob("*body-f32-table-f32*.weights")
    _, _, err = run("generate", "the", "--weights", weights, "--table", "bf16")
    assert "to hold body-f32-table-bf16, but got body-f32-table-f32" in err


def test_sampling_follows_the_probabilities():
    values, indices = np.log(np.array([0.6, 0.3, 0.1], np.float32)), np.array([7, 3, 5], np.int32)
    sampler = Sampler(1.0, seed=0)
    drawn = np.array([sampler(values, indices) for _ in range(4000)])
    for token, share in zip(indices, (0.6, 0.3, 0.1)):
        assert np.mean(drawn == token) == pytest.approx(share, abs=0.03)
    cold = Sampler(0.5, seed=0)
    drawn = np.array([cold(values, indices) for _ in range(4000)])
    assert np.mean(drawn == 7) == pytest.approx(0.36 / 0.46, abs=0.03)
    assert Sampler(0.0)(values, indices) == 7
    with pytest.raises(Error, match="expected temperature to be finite and not negative, but got inf"):
        Sampler(np.inf)
