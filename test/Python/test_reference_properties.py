# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Properties of concepts and address memory that follow from the definitions, and their edges."""

import itertools

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import close, rows, seeds, split_lengths

from effattn import Error
from effattn import reference as ref


@given(rows(), st.sampled_from(["current_query", "previous_query"]))
def test_boundary_probability_in_two_parts(case, pairing):
    rng, batch, tokens, lengths, at = case
    q, k = rng.normal(size=(2, batch, tokens, 3))
    whole, last = ref.boundary_probability(q, k, lengths=lengths, pairing=pairing)
    first, second = split_lengths(lengths, at)
    p1, prev = ref.boundary_probability(q[:, :at], k[:, :at], lengths=first, pairing=pairing)
    p2, end = ref.boundary_probability(
        q[:, at:], k[:, at:], prev=prev, started=first > 0, lengths=second, pairing=pairing
    )
    np.testing.assert_array_equal(np.concatenate([p1, p2], axis=1), whole)
    np.testing.assert_array_equal(end, last)
    assert np.all((whole >= 0) & (whole <= 1)) and np.all(whole[np.arange(tokens) >= lengths[:, None]] == 0)


def test_boundary_probability_of_known_angles():
    q = np.array([[[1.0, 0], [1, 0], [1, 0], [0, 0], [2, 0]]])
    k = np.array([[[5.0, 0], [-1, 0], [0, 3], [1, 0], [1, 0]]])
    p, _ = ref.boundary_probability(q, k)
    np.testing.assert_allclose(p, [[1, 0, 1, 0.5, 0]])
    p, _ = ref.boundary_probability(q, k, sequence_ids=[[0, 0, 0, 0, 7]])
    np.testing.assert_allclose(p, [[1, 0, 1, 0.5, 1]])
    p, last = ref.boundary_probability(q, k, prev=[[3, 0]], lengths=[0])
    assert not p.any() and last.tolist() == [[3, 0]]


def test_boundary_mask_ties():
    assert ref.boundary_mask([[0.5, np.nan]]).tolist() == [[True, False]]
    assert not ref.boundary_mask([[0.5, np.nan]], strict=True).any()


@given(rows(), st.booleans())
def test_dechunk_in_two_parts(case, with_residual):
    rng, batch, tokens, lengths, at = case
    h, p = rng.normal(size=(batch, tokens, 2)), rng.random((batch, tokens))
    mask, state = rng.random((batch, tokens)) < 0.5, rng.normal(size=(batch, 2))
    residual = rng.normal(size=h.shape) if with_residual else None

    def run(part, valid, start):
        y, _ = ref.chunk(h[:, part], mask[:, part], lengths=valid)
        res = None if residual is None else residual[:, part]
        return ref.dechunk(
            y, p[:, part], mask[:, part], state=start, residual=res, lengths=valid, epsilon=1e-4
        )

    whole, last = run(slice(None), lengths, state)
    first, second = split_lengths(lengths, at)
    out1, middle = run(slice(0, at), first, state)
    out2, end = run(slice(at, None), second, middle)
    np.testing.assert_array_equal(np.concatenate([out1, out2], axis=1), whole)
    np.testing.assert_array_equal(end, last)


@given(rows())
def test_chunk_then_dechunk_with_certain_boundaries_repeats_concepts(case):
    rng, batch, tokens, lengths, _ = case
    h, mask = rng.normal(size=(batch, tokens, 2)), rng.random((batch, tokens)) < 0.5
    concepts, counts = ref.chunk(h, mask, lengths=lengths)
    assert concepts.shape == (batch, counts.max(), 2)
    out, _ = ref.dechunk(concepts, np.ones((batch, tokens)), mask, lengths=lengths)
    for b in range(batch):
        current = np.zeros(2)
        for t in range(lengths[b]):
            current = h[b, t] if mask[b, t] else current
            np.testing.assert_array_equal(out[b, t], current)
        assert not out[b, lengths[b] :].any() and not concepts[b, counts[b] :].any()


def test_dechunk_of_dropped_concepts_and_changing_sequences():
    h, mask = np.array([[[1.0], [2], [3], [4]]]), np.array([[True, False, True, False]])
    concepts, counts = ref.chunk(h, mask, capacity=1, overflow="drop")
    assert counts.tolist() == [1]
    p = np.ones((1, 4))
    out, last = ref.dechunk(concepts, p, mask)
    assert out.ravel().tolist() == [1, 1, 1, 1] and last.tolist() == [[1]]
    out, last = ref.dechunk(concepts, p, mask, sequence_ids=[[0, 0, 1, 1]], state=[[9.0]])
    assert out.ravel().tolist() == [1, 1, 0, 0] and last.tolist() == [[0]]
    out, last = ref.dechunk(np.zeros((1, 0, 1)), p, np.zeros((1, 4), bool), state=[[9.0]])
    assert out.ravel().tolist() == [9] * 4 and last.tolist() == [[9]]


def test_ratio_loss_is_one_at_its_aim():
    mask = np.array([[1, 0, 0, 0, 1, 0, 0, 0]])
    assert ref.ratio_loss(np.full((1, 8), 0.25), mask, ratio=4) == pytest.approx(1.0)
    assert ref.ratio_loss(np.full((1, 8), 0.25), mask, ratio=4, lengths=[0]) == 0.0


@given(seeds, st.integers(1, 4), st.integers(1, 4), st.sampled_from([0.5, 1.0, 3.0]))
def test_product_softmax_by_digits(rng, digits, base, temperature):
    x = rng.normal(size=(2, digits, base))
    slots = ref.product_softmax(x, temperature=temperature)
    np.testing.assert_allclose(slots.sum(axis=-1), 1.0, **close)
    # Summing out every digit but one leaves that digit's softmax.
    for u in range(digits):
        other = tuple(1 + d for d in range(digits) if d != u)
        marginal = slots.reshape(2, *[base] * digits).sum(axis=other)
        powers = np.exp(x[:, u] / temperature)
        np.testing.assert_allclose(marginal, powers / powers.sum(axis=-1, keepdims=True), **close)


@given(st.lists(st.sampled_from([0.0, -0.0, 1.0, 2.0, np.inf, -np.inf, np.nan]), max_size=9), st.data())
def test_top_k_equals_sorting(values, data):
    k = data.draw(st.integers(0, len(values)))
    found, indices = ref.top_k(np.array(values), k=k)
    order = sorted(
        range(len(values)), key=lambda i: (not np.isnan(values[i]), -np.nan_to_num(values[i], nan=0), i)
    )
    assert indices.tolist() == order[:k] and indices.dtype == np.int32
    np.testing.assert_array_equal(found, np.array(values)[order[:k]])


@given(seeds, st.integers(1, 3), st.integers(1, 4), st.data())
def test_product_softmax_top_k_against_all_tuples(rng, digits, base, data):
    k = data.draw(st.integers(1, base**digits))
    x = rng.normal(size=(digits, base))
    p = np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)
    tuples = list(itertools.product(range(base), repeat=digits))
    products = [np.prod([p[u, d] for u, d in enumerate(t)]) for t in tuples]
    values, indices = ref.product_softmax_top_k(x, k=k)
    np.testing.assert_allclose(values, sorted(products, reverse=True)[:k], **close)
    np.testing.assert_allclose(values, [products[i] for i in indices], **close)
    normalized, _ = ref.product_softmax_top_k(x, k=k, normalize=True)
    np.testing.assert_allclose(normalized.sum(), 1.0, **close)


@given(seeds, st.integers(1, 4), st.integers(1, 5), st.sampled_from(["flat", "digits", "radix"]))
def test_cyclic_shift_permutes_and_undoes_itself(rng, digits, base, mode):
    slots = np.arange(base**digits)[None, None]
    t = rng.integers(-(10**6), 10**6, (1, 1))
    shifted = ref.cyclic_shift(slots, t, mode=mode, digits=digits, base=base)
    assert sorted(shifted.ravel()) == slots.ravel().tolist()
    if mode != "radix":
        back = ref.cyclic_shift(shifted, -t, mode=mode, digits=digits, base=base)
        np.testing.assert_array_equal(back, slots)
    # Whole turns leave slots where they are: floor modulo holds for negative positions too.
    turned = ref.cyclic_shift(slots, t - base**digits, mode=mode, digits=digits, base=base)
    np.testing.assert_array_equal(turned, shifted)


def test_cyclic_shift_by_hand():
    def shift(slot, t, mode, **options):
        return int(ref.cyclic_shift([[[slot]]], [[t]], mode=mode, digits=2, base=10, **options)[0, 0, 0])

    assert shift(95, 7, "flat") == 2
    assert shift(95, 7, "digits") == 62
    assert shift(95, 17, "radix") == 2
    assert shift(95, 17, "digits", periods=[10, 1], steps=[1, 3]) == 6
    assert shift(0, -1, "digits", periods=[10, 1]) == 99


@given(rows(most=6), st.sampled_from([0.0, 0.5, 1.0, 2.0]))
def test_address_memory_in_two_parts(case, gamma):
    rng, batch, tokens, lengths, at = case
    indices = rng.random((2, batch, tokens, 6)).argsort(axis=-1)
    weights = rng.random((2, batch, tokens, 6))
    weights[rng.random(weights.shape) < 0.2] = 1.0
    operands = [weights[0][..., :2], indices[0][..., :2], rng.normal(size=(batch, tokens, 3))]
    operands += [weights[1][..., :3], indices[1][..., :3]]
    memory, mass = rng.normal(size=(batch, 6, 3)), rng.random((batch, 6))
    kept = memory.copy()

    whole = ref.address_memory(*operands, memory, mass, lengths=lengths, gamma=gamma)
    first, second = split_lengths(lengths, at)
    head = ref.address_memory(*(x[:, :at] for x in operands), memory, mass, lengths=first, gamma=gamma)
    tail = ref.address_memory(*(x[:, at:] for x in operands), *head[1:], lengths=second, gamma=gamma)
    np.testing.assert_array_equal(np.concatenate([head[0], tail[0]], axis=1), whole[0])
    np.testing.assert_array_equal(tail[1], whole[1])
    np.testing.assert_array_equal(tail[2], whole[2])
    np.testing.assert_array_equal(memory, kept)


def test_address_memory_checks_addresses_of_valid_tokens_only():
    def run(write, read, lengths=None):
        ones = np.ones((1, 1, 2))
        return ref.address_memory(
            ones, [[write]], ones, ones, [[read]], np.zeros((1, 4, 2)), np.zeros((1, 4)), lengths=lengths
        )

    with pytest.raises(Error, match=r"write_indices to lie in \[0, 4\), but got 4 at \[0, 0, 1\]"):
        run([0, 4], [0, 1])
    with pytest.raises(Error, match="read_indices to name a slot once a token, but got 3 twice"):
        run([0, 1], [3, 3])
    out, memory, mass = run([0, 0], [-1, 9], lengths=[0])
    assert not out.any() and not memory.any() and not mass.any()
    # A weight of 1 forgets everything: 0^0 keeps it from doing so only for gamma 0.
    out, _, mass = run([0, 1], [0, 2])
    np.testing.assert_allclose(out, [[[1.0, 1.0]]], rtol=1e-5)
    assert mass.tolist() == [[1, 1, 0, 0]]


def test_address_memory_by_hand():
    # Two writes of one slot at gamma 2: S and z keep a quarter of the first write.
    weights, slot = [[[1.0], [0.5]]], [[[3], [3]]]
    out, memory, mass = ref.address_memory(
        weights,
        slot,
        [[[8.0], [2.0]]],
        weights,
        slot,
        np.zeros((1, 4, 1)),
        np.zeros((1, 4)),
        gamma=2,
        epsilon=0.25,
    )
    assert memory[0, 3, 0] == 0.25 * 8 + 0.5 * 2 and mass[0, 3] == 0.25 * 1 + 0.5
    np.testing.assert_allclose(out.ravel(), [8 / 1.25, 0.5 * 3 / 1.0])


def test_bf16_operands_are_taken_as_they_are():
    x = np.array([[0.1, 1.0], [2.0, -3.0]], dtype=ml_dtypes.bfloat16)
    np.testing.assert_array_equal(ref.product_softmax(x), ref.product_softmax(x.astype(np.float64)))
