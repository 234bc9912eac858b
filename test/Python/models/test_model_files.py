# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Files of models: what is read from them, what is packed, and what is refused."""

import dataclasses
import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_model import CONFIG, PIECES, tensors, write_gguf

from effattn import Error, reference
from effattn.models import weights as weights_module
from effattn.models.config import Config
from effattn.models.formats import Format, parse_width
from effattn.models.gguf_file import GGUFModel
from effattn.models.weights import VERSION, open_weights, pack

F32 = Format("f32", "f32")


# --- Files of GGUF -------------------------------------------------------------------------------------


def test_sizes_tensors_and_pieces_are_those_of_the_file(tiny_gguf):
    model = GGUFModel(tiny_gguf)
    assert dataclasses.replace(model.config, epsilon=CONFIG.epsilon) == CONFIG
    assert model.config.epsilon == pytest.approx(CONFIG.epsilon)
    for name, tensor in tensors().items():
        assert np.array_equal(model.tensor(name), tensor)
    vocabulary = model.vocabulary()
    assert vocabulary.pieces == PIECES
    assert (vocabulary.padding, vocabulary.end, vocabulary.begin, vocabulary.unknown) == (0, 1, 2, 3)


OTHERS = {
    "architecture": ({"architecture": "llama"}, "to hold a model of gemma3, but got 'llama'"),
    "missing tensor": ({"without": ["blk.1.ffn_up.weight"]}, "to have the tensor blk.1.ffn_up.weight"),
    "untied head": (
        {"replace": {"output.weight": np.ones((4, 4), np.float32)}},
        "to hold a plain gemma3 model, but got output.weight",
    ),
    "shape": (
        {"replace": {"output_norm.weight": np.ones(7, np.float32)}},
        r"expected output_norm.weight of .* to be 32, but got 7",
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_models_are_refused(case, tmp_path):
    how, sentence = OTHERS[case]
    write_gguf(tmp_path / "other.gguf", **how)
    with pytest.raises(Error, match=sentence):
        GGUFModel(tmp_path / "other.gguf")


def test_other_tokenizers_and_numbers_are_refused(tmp_path):
    norm = np.array([1.0] * 31 + [np.nan], np.float32)
    write_gguf(tmp_path / "other.gguf", tokenizer="gpt2", replace={"output_norm.weight": norm})
    model = GGUFModel(tmp_path / "other.gguf")
    with pytest.raises(Error, match="to be one of sentencepiece, but got 'gpt2'"):
        model.vocabulary()
    with pytest.raises(Error, match="expected output_norm.weight of .* to hold finite numbers"):
        model.tensor("output_norm.weight")


def test_files_that_are_no_models_are_refused(tmp_path):
    with pytest.raises(Error, match="^cannot read .*none.gguf: no such file"):
        GGUFModel(tmp_path / "none.gguf")
    (tmp_path / "text.gguf").write_text("not a model")
    with pytest.raises(Error, match="to be a whole GGUF file, but got: "):
        GGUFModel(tmp_path / "text.gguf")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.05, 0.2, 0.5, 0.9, 0.999])
def test_truncated_files_are_refused(tiny_gguf, tmp_path, share):
    content = tiny_gguf.read_bytes()
    (tmp_path / "cut.gguf").write_bytes(content[: int(share * len(content))])
    with pytest.raises(Error) as error:
        GGUFModel(tmp_path / "cut.gguf")
    assert "\n" not in str(error.value)


@given(st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_altered_headers_never_crash(tiny_gguf, tmp_path_factory, data):
    content = bytearray(tiny_gguf.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, 12000))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("altered") / "altered.gguf"
    path.write_bytes(content)
    try:
        model = GGUFModel(path)
        model.vocabulary()
        model.tensor("output_norm.weight")
    except Error as error:
        assert "\n" not in str(error)


def test_impossible_sizes_are_refused():
    with pytest.raises(Error, match="the model's layers to be above 0, but got 0"):
        dataclasses.replace(CONFIG, layers=0)
    with pytest.raises(Error, match="key heads to divide its heads, but got 3 and 4"):
        dataclasses.replace(CONFIG, key_heads=3)
    with pytest.raises(Error, match="head size to be even, but got 15"):
        dataclasses.replace(CONFIG, head_size=15)


def test_every_sixth_layer_is_full():
    config = dataclasses.replace(CONFIG, layers=18, full_every=Config.full_every)
    assert config.full_layers == (5, 11, 17) and len(config.window_layers) == 15


# --- Files of weights ----------------------------------------------------------------------------------


def test_floats_are_those_of_the_model(tiny_weights):
    weights, wanted = tiny_weights(F32), tensors()
    assert weights.config.layers == CONFIG.layers and weights.format == F32
    assert np.array_equal(weights.arrays["table"], wanted["token_embd.weight"])
    for layer in range(CONFIG.layers):
        parts = [wanted[f"blk.{layer}.attn_{name}.weight"] for name in "qkv"]
        assert np.array_equal(weights.arrays["qkv"][layer], np.concatenate(parts).T)
        down = wanted[f"blk.{layer}.ffn_down.weight"]
        assert np.array_equal(weights.arrays["down"][layer], down.T)
        norm = wanted[f"blk.{layer}.post_ffw_norm.weight"]
        assert np.array_equal(weights.arrays["post_ffn_norm"][layer], norm)


@pytest.mark.parametrize("compensation", ["none", "residual", "nearest"])
def test_codes_come_close_to_the_model(tiny_weights, compensation):
    weights = tiny_weights(Format(8, 6, group=8, compensation=compensation))
    arrays = weights.arrays
    codes = [arrays[f"table_{name}"] for name in ("codes4", "codes8", "row_kind", "row_index", "scales")]
    extra = {
        name: arrays[f"table_{name}"]
        for name in ("residual_codes", "residual_scales", "nearest", "nearest_weight")
        if f"table_{name}" in arrays
    }
    assert bool(extra) == (compensation != "none")
    table = reference.quantized_embedding(np.arange(CONFIG.vocabulary), *codes, **extra)
    wanted = tensors()["token_embd.weight"]
    assert np.abs(table - wanted).max() < np.abs(wanted).max() / 10
    assert arrays["table_row_kind"].mean() == pytest.approx(0.5, abs=0.01)
    assert arrays["qkv_codes4"].size == 0 and arrays["qkv_codes8"].shape == (CONFIG.layers, 128, 32)


def test_arrays_are_views_of_the_file_at_aligned_places(tiny_weights):
    for name, array in tiny_weights(F32).arrays.items():
        assert not array.flags.owndata and not array.flags.writeable, name
        assert array.ctypes.data % 64 == 0, name


@pytest.fixture
def packed(tiny_gguf, tmp_path):
    path = tmp_path / "model.weights"
    pack(GGUFModel(tiny_gguf), path, F32)
    return path


def refused(path, sentence):
    with pytest.raises(Error, match=sentence) as error:
        open_weights(path)
    assert "\n" not in str(error.value)


def test_files_of_another_build_are_refused(packed, monkeypatch):
    monkeypatch.setattr(weights_module, "__version__", "0.0.0")
    refused(packed, r"to be packed by this build of effattn \(\w+\), but got \w+: pack it again")
    monkeypatch.undo()
    open_weights(packed)
    content = bytearray(packed.read_bytes())
    content[16] += 1
    packed.write_bytes(content)
    next_version = f"by this build of effattn \\(version {VERSION}\\), but got version {VERSION + 1}: pack it again"
    refused(packed, next_version)


def test_broken_files_of_weights_are_refused(packed, tmp_path):
    content = packed.read_bytes()
    refused(tmp_path / "none", "^cannot read .*: no such file")
    for part, sentence in (
        (b"", "but it is empty"),
        (b"text", "but it has another beginning"),
        (content[:200], "but its header is broken"),
        (content[:-1], rf"to have {len(content)} bytes, but got {len(content) - 1}"),
    ):
        packed.write_bytes(part)
        refused(packed, sentence)
    header = json.loads(re.search(rb"\{.*\}", content, re.DOTALL)[0].split(b"  ")[0])
    assert header["bytes"] % 64 == 0
    packed.write_bytes(content.replace(b'"width": 32', b'"width": 0 ', 1))
    refused(packed, "but its header is broken")


def test_nothing_is_left_of_a_file_that_cannot_be_packed(tiny_gguf, tmp_path):
    with pytest.raises(Error, match="expected group to divide the 32 columns of a matrix, but got 5"):
        pack(GGUFModel(tiny_gguf), tmp_path / "model.weights", Format(group=5))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ({"body": "f16"}, "expected body to be one of f32, bf16, but got 'f16'"),
        ({"table": 3}, r"expected table to lie in \[4, 8\], but got 3"),
        ({"group": 0}, "expected group to be an integer of at least 1, but got 0"),
        ({"compensation": "all"}, "expected compensation to be one of"),
    ],
)
def test_formats_are_checked(arguments, sentence):
    with pytest.raises(Error, match=sentence):
        Format(**arguments)


def test_widths_of_commands():
    assert [parse_width(text) for text in ("f32", "bf16", "5.2")] == ["f32", "bf16", 5.2]
    with pytest.raises(Error, match="expected f32, bf16 or bits from 4 to 8, but got 'wide'"):
        parse_width("wide")
