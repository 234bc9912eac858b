"""Kernels of concepts on the emulator against the reference, around the 128 tokens of a block."""

import functools
import os

import harness
import numpy as np
import pytest
import test_concepts
from concept_programs import chunk_ir, dechunk_ir
from harness import assert_close
from test_concepts import AVERAGE, flags, normal, probabilities

from effattn import reference

LONG = bool(os.environ.get("EFFATTN_LONG"))
SIZES = (1, 127, 128, 129, 256, 300)
ALL = ("resume", "residual", "ids", "lengths")


@functools.lru_cache(maxsize=None)
def compiled():
    functions = [
        chunk_ir("chunk", "bf16", ("lengths",), "drop"),
        chunk_ir("exact", "f32", (), "error"),
        dechunk_ir("plain", "f32", (), 0.0),
        dechunk_ir("all", "bf16", ALL, 1e-4),
    ]
    return harness.compile_ir("\n".join(functions), "--target=nvptx-emulated")


@pytest.fixture(params=range(10) if LONG else (0, 1, 2))
def rng(request, monkeypatch):
    monkeypatch.setenv("EFFATTN_EMULATOR_SEED", str(request.param))
    return np.random.default_rng(request.param)


@pytest.mark.parametrize("tokens", SIZES)
def test_chunk(rng, tokens):
    h, mask = normal(rng, "bf16", 3, tokens, 9), flags(rng, rng.choice([0.1, 0.9]), 3, tokens)
    lengths = np.array([tokens, tokens // 2, max(tokens - 1, 0)])
    for capacity in (0, 1, 130, 400):
        concepts, counts = compiled().chunk(h, mask, capacity, lengths)
        want, want_counts = reference.chunk(h, mask, overflow="drop", lengths=lengths, capacity=capacity)
        np.testing.assert_array_equal(concepts.astype(np.float64), want)
        np.testing.assert_array_equal(counts, want_counts)


def test_too_many_boundaries_write_nothing(rng):
    h, mask = normal(rng, "f32", 2, 300, 4), np.zeros((2, 300), bool)
    mask[1, 100:290] = True
    concepts, counts = np.full((2, 189, 4), 7, np.float32), np.full(2, 7, np.int32)
    with pytest.raises(harness.CallError, match=r"at most 189 boundaries \(capacity\), but got 190 in row 1"):
        compiled().exact.into([h, mask, np.array(189)], [concepts, counts])
    assert (concepts == 7).all() and (counts == 7).all()
    concepts, counts = compiled().exact(h, mask, 190)
    np.testing.assert_array_equal(concepts[1], h[1, 100:290])


@pytest.mark.parametrize("tokens", SIZES)
@pytest.mark.parametrize("name, element", [("plain", "f32"), ("all", "bf16")])
def test_dechunk(rng, name, element, tokens):
    options = ALL if name == "all" else ()
    width = int(rng.choice([1, 130]))
    y, residual = normal(rng, element, 2, 140, width), normal(rng, element, 2, tokens, width)
    p, mask = probabilities(rng, 2, tokens), flags(rng, rng.choice([0.05, 0.6]), 2, tokens)
    state, lengths = normal(rng, "f32", 2, width), rng.integers(0, tokens + 1, 2)
    ids = np.cumsum(flags(rng, 0.01, 2, tokens), axis=1).astype(np.int32)
    # A new sequence forgets whatever was there.
    y[:, 0] = rng.choice([0, np.inf])
    p[~mask] = np.nan
    given = {"resume": state, "residual": residual, "ids": ids, "lengths": lengths}
    out, next_state = getattr(compiled(), name)(y, p, mask, *test_concepts.select(options, **given))
    if name == "plain":
        want = reference.dechunk(y, p, mask)
    else:
        want = reference.dechunk(
            y, p, mask, state=state, residual=residual, sequence_ids=ids, lengths=lengths, epsilon=1e-4
        )
    assert_close(out, want[0], AVERAGE[element])
    assert_close(next_state, want[1], AVERAGE["f32"])
