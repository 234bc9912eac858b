# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The functions of a tiny model compute what NumPy does, however a text is split into calls."""

import dataclasses
import functools
import re

import numpy as np
import pytest
from compiler import needs_compiler
from model_forward import forward
from tiny_model import CONFIG, write_gguf

import effattn
from effattn.models.attention import Attention
from effattn.models.formats import Format
from effattn.models.gguf_file import GGUFModel
from effattn.models.graph import FUNCTIONS, Design, build
from effattn.models.session import CompiledModel
from effattn.models.weights import open_weights, pack

pytestmark = needs_compiler

SMALL = {"initial": 2, "separators": 3, "window": 4, "slack": 2, "window_slack": 3}
SEPARATORS = np.isin(np.arange(CONFIG.vocabulary), [4, 5, 300, 301, 302])
F32, BF16 = Format("f32", "f32"), Format("bf16", "bf16")
CODES = Format(5.2, 5.2, group=16, compensation="nearest")
CASES = {
    "full": (F32, Attention("full", **SMALL)),
    "separator": (F32, Attention("separator", **SMALL)),
    "separator-cache": (F32, Attention("separator-cache", **SMALL)),
    "codes": (CODES, Attention("full", **SMALL)),
}
# To be compared over a whole text alone.
MORE = {
    "streaming": (F32, Attention("streaming", **SMALL)),
    "bf16": (BF16, Attention("full", **SMALL)),
    "residual": (Format(4, 6, group=8, compensation="residual"), Attention("full", **SMALL)),
}
TEXTS = np.random.default_rng(1).integers(0, CONFIG.vocabulary, (2, 23))
TEXTS[:, ::4] = [4, 301, 300, 4, 5, 302]


@functools.lru_cache(maxsize=None)
def library(case):
    functions = FUNCTIONS if case in CASES else ("score",)
    design = Design(CONFIG, *{**CASES, **MORE}[case], top_k=7)
    # What is tested is the model: most of the time goes to the compiler.
    return design, effattn.compile(build(design, functions), optimization=0)


@functools.lru_cache(maxsize=None)
def expected(case, weights):
    design, _ = library(case)
    return forward(weights(design.format), design.attention, TEXTS, SEPARATORS)


@pytest.fixture
def compiled(tiny_weights):
    def make(case):
        design, functions = library(case)
        return CompiledModel(design, functions, tiny_weights(design.format).arrays, SEPARATORS)

    return make


@pytest.fixture(params=CASES)
def model(request, compiled):
    return compiled(request.param)


@pytest.fixture
def wanted(request, tiny_weights):
    return expected(request.node.callspec.params["model"], tiny_weights)


def close(found, wanted):
    assert found.shape == wanted.shape
    assert np.all(np.abs(found - wanted) <= 2e-4 * (1 + np.abs(wanted)))


@pytest.mark.parametrize("case", {**CASES, **MORE})
def test_a_whole_text_at_once(case, compiled, tiny_weights):
    close(compiled(case).start(batch=2).score(TEXTS), expected(case, tiny_weights))


@pytest.mark.parametrize("split", range(TEXTS.shape[1] + 1))
def test_every_split_gives_the_same(model, wanted, split):
    session = model.start(batch=2)
    session.prefill(TEXTS[:, :split])
    close(session.score(TEXTS[:, split:]), wanted[:, split:])
    assert session.seen.tolist() == [TEXTS.shape[1]] * 2


def test_small_chunks_give_the_same(model, wanted):
    session = model.start(batch=2, chunk=3)
    session.prefill(TEXTS[:, :20])
    close(session.score(TEXTS[:, 20:]), wanted[:, 20:])


def test_decoding_token_by_token(model, wanted):
    session = model.start(batch=2, chunk=1)
    for place in range(TEXTS.shape[1]):
        values, indices = session.decode(TEXTS[:, place])
        largest = -np.sort(-wanted[:, place], axis=1)[:, :7]
        close(values, largest)
        close(np.take_along_axis(wanted[:, place], indices.astype(np.int64), axis=1), largest)


def test_rows_of_a_batch_have_their_own_lengths(model, wanted):
    session = model.start(batch=2, chunk=4)
    session.prefill(TEXTS[:, :13], [13, 6])
    rest = np.stack([TEXTS[0, 13:16], TEXTS[1, 6:9]])
    found = session.score(rest, [3, 2])
    close(found[0], wanted[0, 13:16])
    close(found[1, :2], wanted[1, 6:8])
    assert session.seen.tolist() == [16, 8]
    session.decode([0, TEXTS[1, 8]], [0, 1])
    assert session.seen.tolist() == [16, 9]
    close(session.score(TEXTS[:, 9:10], [0, 1])[1], wanted[1, 9:10])


def test_a_bounded_cache_takes_texts_of_any_length(compiled):
    session = compiled("separator-cache").start(context=1, chunk=8)
    before = session.nbytes
    session.prefill(np.resize(TEXTS[0], 4 * CONFIG.context))
    assert session.nbytes == before and session.seen == 4 * CONFIG.context


def test_caches_are_updated_where_they_are(model):
    session = model.start(batch=2)
    before = dict(session.states)
    session.prefill(TEXTS)
    for name in ("full_keys", "full_values", "window_keys", "window_values"):
        assert session.states[name] is before[name]
        assert before[name].any()


MISTAKES = {
    "too long": (lambda s: s.prefill(np.zeros(11, int)), "at most 10 tokens with attention full, but got 11"),
    "batch": (lambda s: s.prefill(np.zeros((2, 3), int)), r"ids of 1 texts \(B x T\), but got 2 x 3"),
    "batch of one token": (lambda s: s.decode([1, 2]), r"ids of 1 texts \(B x T\), but got 2 x 1"),
    "lengths": (lambda s: s.prefill([1, 2], [3]), r"1 lengths of at most 2, but got \[3\]"),
    "chunk": (lambda s: s.score(np.zeros(9, int)), "at most 8 tokens at once, but got 9"),
    "id": (lambda s: s.prefill([CONFIG.vocabulary]), "expected ids.* but got"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_one_sentence(mistake, compiled):
    session = compiled("full").start(context=10, chunk=8)
    call, sentence = MISTAKES[mistake]
    with pytest.raises(effattn.Error, match=sentence):
        call(session)
    assert session.seen == 0


def test_separators_are_asked_for(tiny_weights):
    design, functions = library("separator")
    with pytest.raises(effattn.Error, match="expected separators with attention separator, but got none"):
        CompiledModel(design, functions, tiny_weights(design.format).arrays)


# --- The IR --------------------------------------------------------------------------------------------


def text(case, *functions):
    return str(build(Design(CONFIG, *{**CASES, **MORE}[case], top_k=7), functions))


def test_the_ir_has_the_ops_of_the_model():
    ir = text("codes", "decode")
    assert "func.func @decode(" in ir and "// A layer that attends to all tokens." in ir
    # Each kind of layer is written once.
    assert ir.count("scf.for") == 2
    assert ir.count("effattn.quantized_matmul") == 4 * 2 + 1
    assert ir.count("effattn.rms_norm") == 6 * 2 + 1
    assert ir.count("effattn.kv_cache_append") == ir.count("effattn.separator_cache_append") == 1
    assert '%ids: tensor<?x1xi32> {effattn.name = "ids", effattn.shape = "B 1"}' in ir
    assert text("full", "prefill").count("effattn.gated_ffn") == 2


def test_attention_is_a_choice():
    ops = {"full": "kv_cache_append", "separator": "separator_mask"}
    for case in ("full", "separator", "separator-cache", "streaming"):
        assert text(case, "prefill").count(f"effattn.{ops.get(case, 'separator_cache_update')}") == 1


@pytest.mark.parametrize("case", ["full", "separator", "separator-cache"])
def test_no_cache_is_copied(case):
    design = Design(CONFIG, *CASES[case], top_k=7)
    ir = effattn.compile(build(design, ["decode"]), optimization=0).ir("mlir-loops")
    copied = re.findall(r"memref.copy .* : memref<(\S+)xf32", ir)
    # No buffer of the size of a cache but the caches: these have as many entries as they are given.
    assert not [shape for shape in copied if shape.startswith("2x")]
    assert not re.findall(r"memref.alloc.*memref<(?:2x)?\?x2x\?x16xf32", ir)


LAYERS = {
    "all full": {"full_every": 1, "layers": 2},
    "none full": {"full_every": 3, "layers": 2},
    "some left": {"full_every": 3, "layers": 5},
}


@pytest.mark.parametrize("case", LAYERS)
def test_other_orders_of_layers(case, tmp_path):
    config = dataclasses.replace(CONFIG, **LAYERS[case])
    write_gguf(tmp_path / "model.gguf", config)
    pack(GGUFModel(tmp_path / "model.gguf"), tmp_path / "model.weights", F32)
    weights = open_weights(tmp_path / "model.weights")
    attention = Attention("separator-cache", **SMALL)
    functions = effattn.compile(build(Design(config, F32, attention), ["score"]), optimization=0)
    model = CompiledModel(Design(config, F32, attention), functions, weights.arrays, SEPARATORS)
    session = model.start(batch=2)
    found = np.concatenate([session.score(TEXTS[:, :9]), session.score(TEXTS[:, 9:])], axis=1)
    close(found, forward(weights, attention, TEXTS, SEPARATORS))


def test_decoding_does_not_store_logits():
    decode = build(Design(CONFIG, *MORE["residual"], top_k=7), ["decode"])
    # A block of logits is a part of a larger buffer, which has strides.
    assert f"x{CONFIG.vocabulary}xf32>" not in effattn.compile(decode, optimization=0).ir("mlir-buffers")


@pytest.mark.parametrize("kind", ["full", "separator", "separator-cache"])
def test_caches_of_half_the_size(kind, tiny_weights):
    weights, attention = tiny_weights(F32), CASES[kind][1]
    design = Design(CONFIG, F32, attention, top_k=7, cache="bf16")
    functions = effattn.compile(build(design, ["score"]), optimization=0)
    model = CompiledModel(design, functions, weights.arrays, SEPARATORS)
    session = model.start(batch=2)
    found = np.concatenate([session.score(TEXTS[:, :9]), session.score(TEXTS[:, 9:])], axis=1)
    wanted = forward(weights, attention, TEXTS, SEPARATORS)
    error = np.abs(found - wanted) / (1 + np.abs(wanted))
    # Rounded to 8 bits, and not in vain.
    assert 1e-4 < error.max() < 0.1 and error.mean() < 0.01
    exact = CompiledModel(dataclasses.replace(design, cache="f32"), functions, weights.arrays, SEPARATORS)
    assert 0.5 < session.nbytes / exact.start(batch=2).nbytes < 0.52


def test_unknown_functions_and_sizes_are_refused():
    with pytest.raises(effattn.Error, match="expected functions to be among .* but got 'encode'"):
        build(Design(CONFIG), ["encode"])
    with pytest.raises(effattn.Error, match="expected cache to be one of f32, bf16, but got 'f16'"):
        Design(CONFIG, cache="f16")
    with pytest.raises(effattn.Error, match=r"expected top_k to lie in \[1, 307\], but got 308"):
        build(Design(CONFIG, Format("f32", "f32"), top_k=308), ["decode"])
    with pytest.raises(
        effattn.Error, match="expected group to divide the 32 columns of a matrix, but got 64"
    ):
        build(Design(CONFIG), ["decode"])
