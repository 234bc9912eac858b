# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From text to ids and back, with sentencepiece."""

from __future__ import annotations

import struct
from typing import List, Sequence

import numpy as np

from effattn.error import Error
from effattn.models.gguf_file import Vocabulary
from effattn.models.packages import require

SPACE = "\u2581"
"""What stands for a space in pieces."""

_BPE = 2
_UNKNOWN = 2
"""The kind of the piece for what has none. Files of GGUF call it a control token, which versions of
sentencepiece before 0.2 refuse."""


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _float(field: int, value: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", value)


def sentencepiece_model(vocabulary: Vocabulary) -> bytes:
    """The vocabulary as a file of sentencepiece: a ModelProto.

    Text is neither normalised nor given a space in front, and what has no piece is spelt in bytes.
    """
    kinds = vocabulary.kinds.copy()
    kinds[vocabulary.unknown] = _UNKNOWN
    # Files of GGUF have spaces as they are in pieces that are given.
    pieces = b"".join(
        _bytes(
            1,
            _bytes(1, piece.replace(" ", SPACE).encode()) + _float(2, float(score)) + _number(3, int(kind)),
        )
        for piece, score, kind in zip(vocabulary.pieces, vocabulary.scores, kinds)
    )
    training = _number(3, _BPE) + _number(4, len(vocabulary.pieces)) + _number(35, 1)
    # Ids that have a part of their own are found by their pieces.
    special = (vocabulary.unknown, vocabulary.begin, vocabulary.end, vocabulary.padding)
    for place, token in enumerate(special):
        training += _number(40 + place, token) + _bytes(45 + place, vocabulary.pieces[token].encode())
    normalization = _bytes(1, b"identity") + _number(3, 0) + _number(4, 0) + _number(5, 1)
    return pieces + _bytes(2, training) + _bytes(3, normalization)


class Tokenizer:
    """Text to ids and back.

    Attributes:
        begin, end: the ids that begin and end a text.
    """

    def __init__(self, model: bytes):
        sentencepiece = require("sentencepiece")
        self._processor = sentencepiece.SentencePieceProcessor()
        try:
            self._processor.LoadFromSerializedProto(model)
        except RuntimeError as error:
            raise Error(f"expected the vocabulary to be one of sentencepiece, but got: {error}") from None
        self.begin, self.end = self._processor.bos_id(), self._processor.eos_id()

    def __len__(self) -> int:
        return self._processor.vocab_size()

    def encode(self, text: str) -> List[int]:
        """The ids of a text, the one that begins it first."""
        return [self.begin, *self._processor.encode(text)]

    def decode(self, ids: Sequence[int]) -> str:
        return self._processor.decode([int(token) for token in ids])

    def separators(self, characters: str) -> np.ndarray:
        """Which ids are separators, bool ``[V]``: those made of these characters and spaces alone.

        Raises:
            effattn.Error: there is no character, or one that no piece is made of.
        """
        wanted = set(characters) - {" ", SPACE}
        if not wanted:
            raise Error(f"expected separators to have a character that is no space, but got {characters!r}")
        processor = self._processor
        flags, seen = np.zeros(len(self), bool), set()
        for token, piece in enumerate(processor.id_to_piece(list(range(len(self))))):
            found = set(piece) - {SPACE}
            if found and found <= wanted and not processor.IsControl(token) and not processor.IsByte(token):
                flags[token] = True
                seen |= found
        if wanted - seen:
            raise Error(
                f"expected separators to be pieces of the vocabulary, but {min(wanted - seen)!r} is none"
            )
        return flags
