# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models in GGUF files: their sizes, their tensors, their vocabulary."""

from __future__ import annotations

import os
import struct
from typing import Any, Dict, List, NamedTuple, Tuple, Union

import numpy as np

from effattn.error import Error
from effattn.models.config import Config
from effattn.models.packages import require

ARCHITECTURE = "gemma3"
PathLike = Union[str, "os.PathLike[str]"]

_SIZES = {
    "width": "embedding_length",
    "layers": "block_count",
    "heads": "attention.head_count",
    "key_heads": "attention.head_count_kv",
    "head_size": "attention.key_length",
    "hidden": "feed_forward_length",
    "context": "context_length",
    "window": "attention.sliding_window",
}
_CONSTANTS = {
    "epsilon": "attention.layer_norm_rms_epsilon",
    "rope_base": "rope.freq_base",
    "rope_scaling": "rope.scaling.factor",
    "window_rope_base": "rope.freq_base_swa",
}

# What reading raises where the bytes are not what they should be.
_BROKEN = (
    AttributeError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    TypeError,
    UnicodeDecodeError,
    ValueError,
    struct.error,
)


class Vocabulary(NamedTuple):
    """The pieces of text that ids stand for."""

    pieces: List[str]
    scores: np.ndarray
    kinds: np.ndarray
    """Of pieces, as sentencepiece counts them: 1 text, 2 unknown, 3 control, 4 given, 5 unused, 6 a byte."""
    begin: int
    end: int
    unknown: int
    padding: int


class GGUFModel:
    """A model of the architecture gemma3 in a file.

    Attributes:
        path: of the file.
        config: its sizes.
    Raises:
        effattn.Error: the file cannot be read, is no GGUF file, or holds another model.
    """

    def __init__(self, path: PathLike):
        self.path = os.fspath(path)
        self._gguf = require("gguf")
        try:
            self._reader = self._gguf.GGUFReader(self.path)
        except OSError as error:
            raise Error(f"cannot read {self.path}: {(error.strerror or str(error)).lower()}") from None
        except _BROKEN as error:
            raise self._broken(error) from None
        found = self._field("general.architecture")
        if found != ARCHITECTURE:
            raise Error(f"expected {self.path} to hold a model of {ARCHITECTURE}, but got {found!r}")
        self.config = self._read_config()
        self._tensors: Dict[str, Any] = {tensor.name: tensor for tensor in self._reader.tensors}
        self._check_tensors()

    def _broken(self, error: Exception) -> Error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        return Error(f"expected {self.path} to be a whole GGUF file, but got: {reason}")

    def _field(self, name: str, default: Any = None) -> Any:
        field = self._reader.fields.get(name)
        if field is None:
            if default is None:
                raise Error(f"expected {self.path} to have the field {name}, but it has none")
            return default
        try:
            return field.contents()
        except _BROKEN as error:
            raise self._broken(error) from None

    def _integer(self, name: str, default: Any = None) -> int:
        value = self._field(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise Error(f"expected the field {name} of {self.path} to be an integer, but got {value!r:.50}")
        return value

    def _real(self, name: str, default: Any = None) -> float:
        value = self._field(name, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise Error(f"expected the field {name} of {self.path} to be a number, but got {value!r:.50}")
        return float(value)

    def _read_config(self) -> Config:
        sizes = {name: self._integer(f"{ARCHITECTURE}.{key}") for name, key in _SIZES.items()}
        constants = {
            name: self._real(f"{ARCHITECTURE}.{key}", getattr(Config, name))
            for name, key in _CONSTANTS.items()
        }
        every = self._integer(f"{ARCHITECTURE}.attention.sliding_window_pattern", Config.full_every)
        value_size = self._integer(f"{ARCHITECTURE}.attention.value_length", sizes["head_size"])
        if value_size != sizes["head_size"]:
            raise Error(
                f"expected keys and values of {self.path} to have one size, "
                f"but got {sizes['head_size']} and {value_size}"
            )
        pieces = self._reader.fields.get("tokenizer.ggml.tokens")
        if pieces is None:
            raise Error(f"expected {self.path} to have the field tokenizer.ggml.tokens, but it has none")
        return Config(vocabulary=len(pieces.data), full_every=every, **sizes, **constants)

    # --- Tensors -----------------------------------------------------------------------------------

    def _check_tensors(self) -> None:
        if self.config.layers > len(self._tensors):
            raise Error(
                f"expected {self.path} to have the tensors of {self.config.layers} layers, "
                f"but it has {len(self._tensors)} in all"
            )
        wanted = tensor_shapes(self.config)
        for name, shape in wanted.items():
            if name not in self._tensors:
                raise Error(f"expected {self.path} to have the tensor {name}, but it has none")
            found = tuple(int(size) for size in reversed(self._tensors[name].shape))
            if found != shape:
                raise Error(f"expected {name} of {self.path} to be {_text(shape)}, but got {_text(found)}")
        for name in self._tensors:
            if name not in wanted:
                raise Error(f"expected {self.path} to hold a plain {ARCHITECTURE} model, but got {name}")

    def tensor(self, name: str) -> np.ndarray:
        """A tensor as float32, ``[outputs, inputs]`` where it is a matrix."""
        tensor = self._tensors[name]
        try:
            values = self._gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        except (*_BROKEN, NotImplementedError) as error:
            raise self._broken(error) from None
        values = np.asarray(values, np.float32).reshape(tensor_shapes(self.config)[name])
        if not np.isfinite(values).all():
            raise Error(f"expected {name} of {self.path} to hold finite numbers, but it does not")
        return values

    # --- The vocabulary ----------------------------------------------------------------------------

    def vocabulary(self) -> Vocabulary:
        """The pieces of its tokenizer, which has to be one of sentencepiece."""
        kind = self._field("tokenizer.ggml.model")
        if kind != "llama":
            raise Error(f"expected the tokenizer of {self.path} to be one of sentencepiece, but got {kind!r}")
        pieces = self._field("tokenizer.ggml.tokens")
        scores = np.asarray(self._field("tokenizer.ggml.scores"), np.float32)
        kinds = np.asarray(self._field("tokenizer.ggml.token_type"), np.int32)
        if not len(pieces) == len(scores) == len(kinds):
            raise Error(
                f"expected {self.path} to have a score and a kind for each of {len(pieces)} pieces, "
                f"but got {len(scores)} and {len(kinds)}"
            )
        names = {"begin": "bos", "end": "eos", "unknown": "unknown", "padding": "padding"}
        ids = {name: self._integer(f"tokenizer.ggml.{key}_token_id") for name, key in names.items()}
        for name, found in ids.items():
            if not 0 <= found < len(pieces):
                raise Error(
                    f"expected the {name} id of {self.path} to lie in [0, {len(pieces)}), but got {found}"
                )
        return Vocabulary(pieces, scores, kinds, **ids)


def _text(shape: Tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def tensor_shapes(config: Config) -> Dict[str, Tuple[int, ...]]:
    """The tensors of a model, matrices as ``[outputs, inputs]``."""
    width, hidden, size = config.width, config.hidden, config.head_size
    shapes: Dict[str, Tuple[int, ...]] = {
        "token_embd.weight": (config.vocabulary, width),
        "output_norm.weight": (width,),
    }
    of_layer: Dict[str, Tuple[int, ...]] = {
        "attn_norm": (width,),
        "attn_q": (config.heads * size, width),
        "attn_k": (config.key_heads * size, width),
        "attn_v": (config.key_heads * size, width),
        "attn_q_norm": (size,),
        "attn_k_norm": (size,),
        "attn_output": (width, config.heads * size),
        "post_attention_norm": (width,),
        "ffn_norm": (width,),
        "ffn_gate": (hidden, width),
        "ffn_up": (hidden, width),
        "ffn_down": (width, hidden),
        "post_ffw_norm": (width,),
    }
    for layer in range(config.layers):
        shapes.update({f"blk.{layer}.{name}.weight": shape for name, shape in of_layer.items()})
    return shapes
