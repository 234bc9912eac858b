# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Weights in a file that is mapped: packed once, used where they stand in the file.

The file is a line of magic, the version and the size of a header, the header as JSON, and the arrays,
each at a multiple of 64 bytes.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import struct
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Dict, NamedTuple, Tuple

import numpy as np
from tqdm import tqdm

from effattn import __version__
from effattn.arrays import ELEMENTS
from effattn.compress import quantize_rows
from effattn.compress.store import whole_file
from effattn.error import Error
from effattn.models import formats
from effattn.models.config import Config
from effattn.models.formats import Declared, Format
from effattn.models.gguf_file import GGUFModel, PathLike
from effattn.models.tokenizer import sentencepiece_model

VERSION = 2
MAGIC = b"effattn weights\n"
ALIGNMENT = 64
_HEAD = struct.Struct("<16sII")
_TOKENIZER = "tokenizer"


class Weights(NamedTuple):
    """What a file of weights holds.

    Attributes:
        config: sizes of the model.
        format: how its weights are stored.
        arrays: them by name, in the order in which functions of the model take them; views of the file.
        tokenizer: the vocabulary, as a file of sentencepiece.
    """

    config: Config
    format: Format
    arrays: Dict[str, np.ndarray]
    tokenizer: bytes


def fingerprint(config: Config, format: Format) -> str:
    """What files have in common that the same functions can use."""
    build = [VERSION, __version__, asdict(config), asdict(format), formats.declare(config, format)]
    return hashlib.sha256(json.dumps(build).encode()).hexdigest()[:32]


def _aligned(position: int) -> int:
    return -(-position // ALIGNMENT) * ALIGNMENT


def _nbytes(array: Declared) -> int:
    return int(np.prod(array.shape, dtype=np.int64)) * ELEMENTS[array.element].dtype.itemsize


# --- Writing -------------------------------------------------------------------------------------------


class _Writer:
    """Arrays on their way into a file, in any order, whole or layer by layer."""

    def __init__(self, file: IO[bytes], arrays: Dict[str, Declared], offsets: Dict[str, int]):
        self.file, self.arrays, self.offsets = file, arrays, offsets

    def put(self, name: str, array: np.ndarray, layer: int = 0) -> None:
        stored = np.ascontiguousarray(array, ELEMENTS[self.arrays[name].element].dtype)
        self.file.seek(self.offsets[name] + layer * stored.nbytes)
        self.file.write(stored.view(np.uint8))

    def put_codes(self, name: str, matrix: np.ndarray, layer: int = 0, **how: Any) -> None:
        """A matrix, quantised as ``quantize_rows`` does."""
        coded = quantize_rows(matrix, clip="mse", report=False, progress=False, **how)
        for operand, array in coded.operands().items():
            self.put(f"{name}_{operand}", array, layer)


def pack(source: GGUFModel, path: PathLike, format: Format) -> None:
    """Write the weights of a model to a file, which appears whole or not at all.

    Args:
        source: the model.
        path: of the file; its folder is made where it is missing.
        format: how to store the weights.
    Raises:
        effattn.Error: the model's file is broken, or a group does not divide the columns.
    """
    path, config = Path(path), source.config
    arrays = formats.declare(config, format)
    tokenizer = np.frombuffer(sentencepiece_model(source.vocabulary()), np.uint8)
    arrays[_TOKENIZER] = Declared("ui8", tokenizer.shape)
    header, offsets, size = _layout(config, format, arrays)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.truncate(size)
        file.write(header)
        writer = _Writer(file, arrays, offsets)
        writer.put(_TOKENIZER, tokenizer)
        _put_weights(writer, source, format)


def _layout(config: Config, format: Format, arrays: Dict[str, Declared]) -> Tuple[bytes, Dict[str, int], int]:
    """The header, where each array stands, and the size of the file."""
    offsets, position = {}, 0
    for name, array in arrays.items():
        offsets[name] = position
        position = _aligned(position + _nbytes(array))
    about = {
        "fingerprint": fingerprint(config, format),
        "config": asdict(config),
        "format": asdict(format),
        "arrays": {name: [*array, offsets[name]] for name, array in arrays.items()},
        "bytes": position,
    }
    text = json.dumps(about).encode()
    text = text.ljust(_aligned(_HEAD.size + len(text)) - _HEAD.size)
    begin = _HEAD.size + len(text)
    head = _HEAD.pack(MAGIC, VERSION, len(text)) + text
    return head, {name: begin + offset for name, offset in offsets.items()}, begin + position


def _put_weights(writer: _Writer, source: GGUFModel, format: Format) -> None:
    config = source.config
    with tqdm(
        total=config.layers + 1, desc="pack", unit="layer", delay=1.0, leave=False, disable=None
    ) as bar:
        table = source.tensor("token_embd.weight")
        if isinstance(format.table, str):
            writer.put("table", table)
        else:
            how = {"width": format.table, "compensation": format.compensation}
            writer.put_codes("table", table, group=format.group, **how)
        writer.put("final_norm", source.tensor("output_norm.weight"))
        bar.update()
        for layer in range(config.layers):
            _put_layer(writer, source, format, layer)
            bar.update()


def _put_layer(writer: _Writer, source: GGUFModel, format: Format, layer: int) -> None:
    def tensor(name: str) -> np.ndarray:
        return source.tensor(f"blk.{layer}.{name}.weight")

    for name, parts in formats.body(format).items():
        matrix = np.concatenate([tensor(part) for part in parts])
        if isinstance(format.body, str):
            writer.put(name, matrix.T, layer)
        else:
            writer.put_codes(name, matrix, layer, group=format.group, width=format.body)
    for name, part in formats.NORMS.items():
        writer.put(name, tensor(part), layer)


# --- Reading -------------------------------------------------------------------------------------------


def open_weights(path: PathLike) -> Weights:
    """Map a file of weights.

    Raises:
        effattn.Error: the file cannot be read, is no file of weights, is cut off, or was written by
            another build of effattn.
    """
    path = os.fspath(path)
    try:
        with open(path, "rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise Error(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None
    except ValueError:
        raise Error(f"expected {path} to be a file of weights, but it is empty") from None
    if len(content) < _HEAD.size or content[: len(MAGIC)] != MAGIC:
        raise Error(f"expected {path} to be a file of weights, but it has another beginning")
    _, version, length = _HEAD.unpack_from(content)
    if version != VERSION:
        raise _other_build(path, f"version {VERSION}", f"version {version}")
    return _read(path, content, _HEAD.size + length)


def _other_build(path: str, expected: str, found: str) -> Error:
    return Error(
        f"expected {path} to be packed by this build of effattn ({expected}), but got {found}: pack it again"
    )


def _read(path: str, content: mmap.mmap, begin: int) -> Weights:
    try:
        about = json.loads(content[_HEAD.size : begin])
        found, size = about["fingerprint"], begin + about["bytes"]
        config, format = Config(**about["config"]), Format(**about["format"])
        places = {
            name: (str(e), tuple(shape), begin + at) for name, (e, shape, at) in about["arrays"].items()
        }
    except (KeyError, TypeError, ValueError, UnicodeDecodeError, Error):
        raise Error(f"expected {path} to be a whole file of weights, but its header is broken") from None
    expected = fingerprint(config, format)
    if found != expected:
        raise _other_build(path, expected, found)
    if len(content) != size:
        raise Error(f"expected {path} to have {size} bytes, but got {len(content)}")
    arrays = {name: _view(content, *place) for name, place in places.items()}
    tokenizer = arrays.pop(_TOKENIZER).tobytes()
    return Weights(config, format, arrays, tokenizer)


def _view(content: mmap.mmap, element: str, shape: Tuple[int, ...], offset: int) -> np.ndarray:
    count = int(np.prod(shape, dtype=np.int64))
    return np.frombuffer(content, ELEMENTS[element].dtype, count, offset).reshape(shape)
