# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A text as token ids, and pseudo-random but text-dependent inputs for the example models.

Nothing here is trained. Every word has a vector of its own, the same in every text, and the
projections come from fixed seeds, so that a run can be repeated number by number.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List

import numpy as np

from effattn import Error

PUNCTUATION = (".", ",", ";", ":", "!", "?")
NEW_LINE, NEW_PARAGRAPH = "\n", "\n\n"
# Words with their inner apostrophes and hyphens, any other visible character, or line ends.
TOKEN = re.compile(r"\w+(?:['\u2019-]\w+)*|[^\w\s]|\n(?:[^\S\n]*\n)*")
LEAST_TOKENS = 8
VECTOR_SIZE = 64


@dataclass
class Text:
    """The tokens of a text; ids number the different ones in order of appearance."""

    path: Path
    tokens: List[str]
    # Every token together with the blanks before it, to print the text as it was.
    spaced: List[str]
    vocabulary: List[str]
    ids: np.ndarray

    def flags(self, words) -> np.ndarray:
        """Which ids of the vocabulary are among ``words``, ``[V]`` bool."""
        return np.array([word in words for word in self.vocabulary])


def read_text(path: Path) -> Text:
    """Read and split a text; an Error says in one sentence why it cannot be used."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Error(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None
    if b"\0" in content:
        raise Error(f"{path} holds zero bytes, so it is no text: give a plain text file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
        strange = sum(1 for c in text if ord(c) < 32 and c not in "\t\n\r\f\v" or 127 <= ord(c) < 160)
        if strange > 0.01 * len(text):
            raise Error(f"{path} is neither UTF-8 nor Latin-1: give a plain text file") from None
    return split(path, text.replace("\r\n", "\n").replace("\r", "\n"))


def split(path: Path, text: str) -> Text:
    tokens: List[str] = []
    spaced: List[str] = []
    end = 0
    for match in TOKEN.finditer(text.strip()):
        lines = match[0].count("\n")
        tokens.append((NEW_LINE if lines == 1 else NEW_PARAGRAPH) if lines else match[0])
        blanks = " " if match.start() > end and not lines else ""
        spaced.append(blanks + tokens[-1])
        end = match.end()
    if not tokens:
        raise Error(f"{path} is empty: give a text of at least {LEAST_TOKENS} words")
    if len(tokens) < LEAST_TOKENS:
        count = "1 token" if len(tokens) == 1 else f"{len(tokens)} tokens"
        raise Error(f"{path} has only {count}: give a text of at least {LEAST_TOKENS} words")
    number: Dict[str, int] = {}
    ids = [number.setdefault(token.lower(), len(number)) for token in tokens]
    return Text(path, tokens, spaced, list(number), np.array(ids, dtype=np.int32))


def word_vectors(text: Text) -> np.ndarray:
    """A unit vector for every word of the vocabulary, ``[V, VECTOR_SIZE]``."""
    vectors = np.stack(
        [
            np.random.default_rng(zlib.crc32(word.encode())).standard_normal(VECTOR_SIZE)
            for word in text.vocabulary
        ]
    )
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def attention_inputs(
    text: Text, vectors: np.ndarray, ids: np.ndarray, *, heads: int, key_heads: int, size: int
) -> Dict[str, np.ndarray]:
    """q ``[1, heads, T, size]``, k and v ``[1, key_heads, T, size]``, ids and separators."""
    random = np.random.default_rng(0)

    def project(count: int) -> np.ndarray:
        weight = random.standard_normal((VECTOR_SIZE, count, size), dtype=np.float32)
        projected = np.einsum("vc,chd->hvd", vectors, weight)
        return np.ascontiguousarray(projected[None, :, ids])

    return {
        "q": project(heads),
        "k": project(key_heads),
        "v": project(key_heads),
        "ids": ids[None],
        "separators": text.flags((*PUNCTUATION, NEW_LINE, NEW_PARAGRAPH)),
    }


def concept_inputs(text: Text, vectors: np.ndarray) -> Dict[str, np.ndarray]:
    """Inputs of concepts.mlir whose projections are set by hand.

    A hidden state is the word's vector, a constant and a flag for the end of a phrase. The key of
    an end has the constant's sign turned, so that the query after it points away: a boundary.
    """
    ends = text.flags((*PUNCTUATION, NEW_PARAGRAPH))[text.ids].astype(np.float32)
    constant = np.full_like(ends, 0.45)
    hidden = np.concatenate([vectors[text.ids], constant[:, None], ends[:, None]], axis=1)
    width = hidden.shape[1]
    to_query = np.eye(width, dtype=np.float32)
    to_query[-1, -1] = 0.0
    to_key = to_query.copy()
    to_key[-1, -2] = -2.0 * constant[0]
    random = np.random.default_rng(1)
    model = random.standard_normal((width, width)).astype(np.float32) / np.sqrt(np.float32(width))
    return {
        "h": hidden[None],
        "to_query": to_query,
        "to_key": to_key,
        "model": model,
        "last": np.zeros((1, width), np.float32),
        "started": np.zeros(1, bool),
        "average": np.zeros((1, width), np.float32),
    }


def memory_inputs(text: Text, vectors: np.ndarray, *, base: int) -> Dict[str, np.ndarray]:
    """Inputs of address_memory.mlir: a word is written under the address of the word before it.

    Reading at a word's own address then recalls what followed that word earlier in the text.
    """
    slots = base**3
    values = vectors[text.ids]
    to_logits = np.random.default_rng(2).standard_normal((VECTOR_SIZE, 3 * base)) * 4.0
    read_logits = (values @ to_logits).astype(np.float32)
    write_logits = np.concatenate([np.zeros_like(read_logits[:1]), read_logits[:-1]])
    return {
        "write_logits": write_logits[None],
        "read_logits": read_logits[None],
        "values": values[None],
        "memory": np.zeros((1, slots, VECTOR_SIZE), np.float32),
        "mass": np.zeros((1, slots), np.float32),
    }
