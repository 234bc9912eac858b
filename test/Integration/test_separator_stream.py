"""A stream through separator_cache_update: length, positions and memory stay bounded.

The value of a token is its index, so the state tells which tokens it holds. The ordinary suite runs
20 000 tokens, the long one 4 million.
"""

import functools
import os
import resource

import numpy as np
import pytest
from cache_programs import SeparatorProgram
from harness import assert_close, compile_ir

from effattn import reference

AFTER = "after_attention"
INITIAL, WINDOW, CAPACITY = 4, 224, 324
HEADS, SIZE = 2, 8
LONG = bool(os.environ.get("EFFATTN_LONG"))


def program_of(separators):
    return SeparatorProgram(f"keep_{separators}", (INITIAL, separators, WINDOW, CAPACITY, AFTER))


@functools.lru_cache(maxsize=None)
def update_of(separators):
    return getattr(compile_ir(program_of(separators).update()), f"update_keep_{separators}")


def chunk(first, count):
    """Keys, values, flags and queries of tokens [first, first + count); every 13th or so separates."""
    rng = np.random.default_rng(first)
    k = rng.standard_normal((1, 1, count, SIZE)).astype(np.float32)
    v = np.arange(first, first + count, dtype=np.float32).reshape(1, 1, count, 1)
    q = rng.standard_normal((1, HEADS, count, SIZE)).astype(np.float32)
    return k, v, rng.random((1, count)) < 1 / 13, q


def empty_state():
    """With room for a full row and one token, no more."""
    return [
        np.zeros((1, 1, CAPACITY + 1, SIZE), np.float32),
        np.zeros((1, 1, CAPACITY + 1, 1), np.float32),
        np.zeros((1, CAPACITY + 1), bool),
        np.zeros(1, np.int64),
        np.zeros(1, np.int64),
    ]


class Held:
    """The tokens that the cache holds, told from the definition alone."""

    def __init__(self, separators):
        self.separators, self.tokens, self.past = separators, [], []

    def take(self, first, flags):
        """Tokens from ``first`` on, of which some separate; at most ``CAPACITY + 1`` are held at once."""
        for token, flag in enumerate(flags.tolist(), first):
            self.tokens.append(token)
            if flag and token >= INITIAL:
                self.past.append(token)
            if len(self.tokens) > CAPACITY:
                recent = self.tokens[-WINDOW:]
                kept = [t for t in self.past if t < recent[0]]
                kept = kept[max(len(kept) - self.separators, 0) :]
                self.past = kept + [t for t in self.past if t >= recent[0]]
                self.tokens = list(range(INITIAL)) + kept + recent


def check_last_token(state, separators, k, v, flags, q):
    """Attention of one more token, by the equation, at the slots that the state says."""
    length = int(state[3][0])
    assert length <= CAPACITY, "so the token's own slot, the largest position, is at most the capacity"
    keys = np.concatenate([state[0][0, 0, :length], k[0, 0]]).astype(np.float64)
    values = np.concatenate([state[1][0, 0, :length], v[0, 0]]).astype(np.float64)
    angles = np.arange(length + 1)[:, None] * 10000.0 ** (-2 * np.arange(SIZE // 2) / SIZE)
    turned = (keys[:, : SIZE // 2] + 1j * keys[:, SIZE // 2 :]) * np.exp(1j * angles)
    query = (q[0, :, 0, : SIZE // 2] + 1j * q[0, :, 0, SIZE // 2 :]) * np.exp(1j * angles[-1])
    powers = np.exp((query.conj() @ turned.T).real / np.sqrt(SIZE))
    *after, out = update_of(separators)(*[array.copy() for array in state], k, v, flags, q, np.ones(1, np.int32))
    assert_close(out[0, :, 0], powers @ values / powers.sum(axis=1, keepdims=True), 2e-5)
    assert after[3][0] <= CAPACITY


def run_stream(separators, tokens, chunk_sizes):
    """Chunks through one state in place; ``yield`` after each: first token of it, operands, state."""
    state, held, update, first = empty_state(), Held(separators), update_of(separators), 0
    while first < tokens:
        count = min(next(chunk_sizes), tokens - first)
        operands = chunk(first, count)
        out = np.empty((1, HEADS, count, 1), np.float32)
        update.into([*state, *operands, np.full(1, count, np.int32)], [*state, out])
        held.take(first, operands[2][0])
        length = int(state[3][0])
        assert length == len(held.tokens) <= CAPACITY
        np.testing.assert_array_equal(state[1][0, 0, :length, 0], held.tokens)
        assert INITIAL <= max(state[4][0], INITIAL) <= INITIAL + separators
        assert np.isfinite(out).all()
        yield first, operands, state, out
        first += count
        check_last_token(state, separators, *chunk(first, 1))


def sizes(seed, most):
    rng = np.random.default_rng(seed)
    while True:
        yield int(rng.integers(1, most))


@pytest.mark.parametrize("separators", [64, 32])
def test_twenty_thousand_tokens(separators):
    """Now and then a chunk is run by the reference as well."""
    before, checked = empty_state(), 0
    for number, (first, operands, state, out) in enumerate(run_stream(separators, 20_000, sizes(1, 1500))):
        if number % 6 == 0:
            k, v, flags, q = (array[:, :400] if array.ndim == 2 else array[:, :, :400] for array in operands)
            _, expected = reference.separator_cache_update(
                before, k, v, flags, q=q, **program_of(separators).options()
            )
            assert_close(out[:, :, :400], expected, 2e-5)
            checked += 1
        before = [array.copy() for array in state]
    assert checked >= 4


@pytest.mark.skipif(not LONG, reason="4 million tokens take a minute: EFFATTN_LONG or ./build.sh check-long")
@pytest.mark.parametrize("separators", [64, 32])
def test_four_million_tokens(separators):
    memory = None
    for number, _ in enumerate(run_stream(separators, 4_000_000, sizes(2, 40_000))):
        if number == 20:
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # In KiB: a chunk's own arrays come and go, nothing else grows.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 32 * 1024
