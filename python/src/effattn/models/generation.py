# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From a prompt to text."""

from __future__ import annotations

import time
from typing import Iterator, List, Optional

import numpy as np

from effattn.error import Error
from effattn.models.session import Session
from effattn.models.tokenizer import Tokenizer


class Sampler:
    """Draws the next token from the largest logits.

    Args:
        temperature: divides the logits; 0 takes the largest.
        seed: of what is drawn; another each time when absent.
    """

    def __init__(self, temperature: float = 1.0, seed: Optional[int] = None):
        if not 0.0 <= temperature < np.inf:
            raise Error(f"expected temperature to be finite and not negative, but got {temperature}")
        if seed is not None and seed < 0:
            raise Error(f"expected seed to be at least 0, but got {seed}")
        self.temperature, self._random = temperature, np.random.default_rng(seed)

    def __call__(self, values: np.ndarray, indices: np.ndarray) -> int:
        """One of ``indices``, whose logits are ``values`` in descending order."""
        if self.temperature == 0.0:
            return int(indices[0])
        powers = np.exp((values - values[0]).astype(np.float64) / self.temperature)
        return int(indices[self._random.choice(len(powers), p=powers / powers.sum())])


class Generation:
    """A text in the making: iterate over it for its pieces.

    Attributes:
        prompt, tokens: ids of the prompt, and those that follow so far.
        prompt_seconds, seconds: what they took.
    """

    def __init__(self, session: Session, tokenizer: Tokenizer, prompt: str, sampler: Sampler, count: int):
        if count < 0:
            raise Error(f"expected tokens to be at least 0, but got {count}")
        self._session, self._tokenizer, self._sampler, self._count = session, tokenizer, sampler, count
        self.prompt = tokenizer.encode(prompt)
        session.check_room(len(self.prompt) + max(count - 1, 0))
        self.tokens: List[int] = []
        self.prompt_seconds = self.seconds = 0.0

    def __iter__(self) -> Iterator[str]:
        began = time.perf_counter()
        self._session.prefill(self.prompt[:-1])
        self.prompt_seconds = time.perf_counter() - began
        given = ""
        token = self.prompt[-1]
        while len(self.tokens) < self._count:
            began = time.perf_counter()
            values, indices = self._session.decode([token])
            token = self._sampler(values[0], indices[0])
            self.seconds += time.perf_counter() - began
            if token == self._tokenizer.end:
                break
            self.tokens.append(token)
            text = self._tokenizer.decode(self.tokens)
            # A character may be spelt by several tokens.
            if not text.endswith("\ufffd"):
                yield text[len(given) :]
                given = text
        rest = self._tokenizer.decode(self.tokens)[len(given) :]
        if rest:
            yield rest
