# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Properties of rotations, norms and feed-forward layers, and their edges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import close, seeds

from effattn import reference as ref

ACTIVATIONS = st.sampled_from(["silu", "gelu", "gelu_tanh", "relu"])


@given(seeds, st.sampled_from(["half", "interleaved"]), st.sampled_from([None, 0, 2, 4]))
def test_rotation_keeps_lengths_and_shows_only_distances(rng, layout, dims):
    q, k = rng.normal(size=(2, 1, 1, 5, 6))
    options = {"layout": layout, "dims": dims, "base": 100.0}
    at = rng.integers(-20, 20, (2, 1, 5))
    turned_q, turned_k = (ref.rotary_embedding(x, p, **options) for x, p in zip((q, k), at))
    np.testing.assert_allclose(
        np.linalg.norm(turned_q, axis=-1), np.linalg.norm(q, axis=-1), rtol=1e-12, atol=1e-12
    )
    moved_q, moved_k = (ref.rotary_embedding(x, p + 7, **options) for x, p in zip((q, k), at))
    np.testing.assert_allclose(
        np.sum(moved_q * moved_k, axis=-1), np.sum(turned_q * turned_k, axis=-1), rtol=1e-9, atol=1e-9
    )
    still = 6 if dims is None else dims
    np.testing.assert_array_equal(turned_q[..., still:], q[..., still:])
    np.testing.assert_array_equal(ref.rotary_embedding(q, np.zeros((1, 5), int), **options), q)


@given(seeds)
def test_layouts_are_an_order_of_columns(rng):
    x, at = rng.normal(size=(2, 3, 4, 6)), rng.integers(0, 50, (2, 4))
    order = [0, 3, 1, 4, 2, 5]
    half = ref.rotary_embedding(x, at)
    interleaved = ref.rotary_embedding(x[..., order], at, layout="interleaved")
    np.testing.assert_array_equal(interleaved, half[..., order])
    np.testing.assert_allclose(ref.rotary_embedding(x, 3 * at, scaling=3.0), half, **close)


def test_rotation_by_a_known_angle():
    x = np.array([1.0, 0.0, 0.0, 1.0]).reshape(1, 1, 1, 4)
    out = ref.rotary_embedding(x, [[2]], base=100.0).ravel()
    np.testing.assert_allclose(out, [math.cos(2), -math.sin(0.2), math.sin(2), math.cos(0.2)])


@given(seeds, st.integers(1, 6))
def test_norms_give_rows_of_unit_size(rng, width):
    x, weight, bias = rng.normal(size=(3, 2, width)), rng.normal(size=width), rng.normal(size=width)
    ones = np.ones(width)
    unit = ref.rms_norm(x, ones, epsilon=0.0)
    np.testing.assert_allclose(np.sum(unit**2, axis=-1), width, rtol=1e-9)
    np.testing.assert_allclose(ref.rms_norm(5 * x, ones, epsilon=0.0), unit, rtol=1e-9)
    np.testing.assert_array_equal(ref.rms_norm(x, weight, unit_offset=True), ref.rms_norm(x, 1.0 + weight))
    centred = ref.layer_norm(x, ones)
    np.testing.assert_allclose(centred.sum(axis=-1), 0.0, atol=1e-9)
    # The norm of layer_norm is that of rms_norm once the mean is gone.
    np.testing.assert_allclose(
        ref.layer_norm(x, weight, bias=bias, epsilon=0.1),
        ref.rms_norm(x - x.mean(axis=-1, keepdims=True), weight, epsilon=0.1) + bias,
        rtol=1e-9,
        atol=1e-9,
    )


def test_norms_of_nothing_and_nan():
    assert ref.rms_norm(np.zeros((2, 3)), np.ones(3)).tolist() == [[0] * 3] * 2
    assert ref.layer_norm(np.full((2, 3), 7.0), np.ones(3)).tolist() == [[0] * 3] * 2
    assert ref.rms_norm(np.zeros((2, 0)), np.ones(0)).shape == (2, 0)
    x = np.array([[1.0, np.nan], [1.0, 2.0]])
    for out in (ref.rms_norm(x, np.ones(2)), ref.layer_norm(x, np.ones(2))):
        assert np.isnan(out[0]).all() and np.isfinite(out[1]).all()


def test_activations_at_known_points():
    def act(name, x):
        return ref.gated_ffn([[x, 1.0]], [[1.0], [0]], [[0.0], [1]], [[1.0, 0]], activation=name)[0, 0]

    assert act("relu", -2.0) == 0.0 and act("relu", 2.0) == 2.0
    assert act("silu", 2.0) == pytest.approx(2.0 * (1.0 + math.tanh(1.0)) / 2.0)
    assert act("gelu", 1.0) == pytest.approx(0.8413447460685429)
    assert act("gelu_tanh", 1.0) == pytest.approx(0.8411919906082768)
    for name in ("silu", "gelu", "gelu_tanh"):
        assert act(name, -800.0) == 0.0 and act(name, 800.0) == 800.0
    for name in ("silu", "gelu", "gelu_tanh", "relu"):
        assert math.isnan(act(name, math.nan)) and act(name, 0.0) == 0.0


def weights(rng, *lead, width=3, hidden=4):
    return (
        rng.normal(size=(*lead, width, hidden)),
        rng.normal(size=(*lead, width, hidden)),
        rng.normal(size=(*lead, hidden, width)),
    )


@given(seeds, ACTIVATIONS)
def test_gated_ffn_splits_by_hidden_columns(rng, activation):
    x, (gate, up, down) = rng.normal(size=(2, 5, 3)), weights(rng)
    whole = ref.gated_ffn(x, gate, up, down, activation=activation)
    halves = [
        ref.gated_ffn(x, gate[:, part], up[:, part], down[part], activation=activation)
        for part in (slice(0, 1), slice(1, 4))
    ]
    np.testing.assert_allclose(halves[0] + halves[1], whole, **close)
    np.testing.assert_allclose(
        ref.gated_ffn(x, gate, 2 * up, down / 4, activation=activation), whole / 2, **close
    )


@given(seeds, ACTIVATIONS)
def test_hourglass_is_its_blocks(rng, activation):
    x, norm, (gate, up, down) = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 3)), weights(rng, 2)
    whole = ref.hourglass_ffn(x, norm, gate, up, down, activation=activation, epsilon=0.1)
    step = x
    for i in range(2):
        one = slice(i, i + 1)
        only = ref.hourglass_ffn(
            step, norm[one], gate[one], up[one], down[one], activation=activation, epsilon=0.1
        )
        normed = ref.rms_norm(step, norm[i], epsilon=0.1)
        change = ref.gated_ffn(normed, gate[i], up[i], down[i], activation=activation)
        np.testing.assert_allclose(only - step, change, rtol=1e-9, atol=1e-9)
        step = only
    np.testing.assert_allclose(whole, step, **close)
    none = slice(0, 0)
    np.testing.assert_array_equal(ref.hourglass_ffn(x, norm[none], gate[none], up[none], down[none]), x)


@given(seeds, st.integers(1, 4), st.booleans())
def test_experts_weighted_by_all_gates(rng, k, normalize):
    x, router, (gate, up, down) = rng.normal(size=(2, 5, 3)), rng.normal(size=(3, 4)), weights(rng, 4)
    gates, experts, balance = ref.moe_route(x, router, k=k, normalize=normalize)
    probabilities = np.exp(x @ router)
    probabilities /= probabilities.sum(axis=-1, keepdims=True)
    dense, chosen = np.zeros((2, 5, 4)), np.zeros((2, 5, 4))
    np.put_along_axis(dense, experts.astype(int), gates, axis=-1)
    np.put_along_axis(chosen, experts.astype(int), 1.0, axis=-1)
    assert np.all(chosen.sum(axis=-1) == k)
    assert np.all(
        (probabilities * (1 - chosen)).max(axis=-1) <= np.where(chosen, probabilities, 2).min(axis=-1)
    )
    if normalize:
        np.testing.assert_allclose(gates.sum(axis=-1), 1.0, **close)
        np.testing.assert_allclose(
            dense * (probabilities * chosen).sum(-1, keepdims=True), probabilities * chosen
        )
    else:
        np.testing.assert_allclose(dense, probabilities * chosen, **close)
    if k == 4:
        assert balance == pytest.approx(1.0)

    out = ref.moe_ffn(x, gates, experts, gate, up, down)
    all_experts = np.stack([ref.gated_ffn(x, gate[e], up[e], down[e]) for e in range(4)], axis=-2)
    np.testing.assert_allclose(out, np.einsum("bte,btec->btc", dense, all_experts), **close)


def test_routing_ties_nan_and_nothing():
    gates, experts, balance = ref.moe_route(np.ones((3, 2)), np.zeros((2, 4)), k=2)
    assert experts.tolist() == [[0, 1]] * 3 and gates.tolist() == [[0.5, 0.5]] * 3
    assert balance == pytest.approx(1.0)
    # All tokens to one expert with certainty: the worst balance is the number of experts.
    router = np.array([[0.0, 0, 100, 0]])
    assert ref.moe_route(np.ones((3, 1)), router, k=1)[2] == pytest.approx(4.0)
    gates, experts, balance = ref.moe_route([[np.nan], [1.0]], router, k=1)
    assert np.isnan(gates[0]).all() and gates[1] == 1.0 and experts.tolist() == [[0], [2]]
    assert math.isnan(balance)
    for tokens, k in ((0, 2), (3, 0)):
        gates, experts, balance = ref.moe_route(np.ones((tokens, 1)), router, k=k)
        assert gates.shape == experts.shape == (tokens, k) and balance == 0.0


def test_experts_without_tokens_and_chosen_twice():
    gate, up, down = weights(np.random.default_rng(0), 3)
    gate[1] = np.nan
    x = np.ones((2, 3))
    out = ref.moe_ffn(x, [[0.25, 0.5], [1.0, 0.0]], [[2, 2], [0, 2]], gate, up, down)
    one, two = ref.gated_ffn(x[0], gate[2], up[2], down[2]), ref.gated_ffn(x[0], gate[0], up[0], down[0])
    np.testing.assert_allclose(out, [0.75 * one, two], **close)
    out = ref.moe_ffn(x, [[1.0], [0.0]], [[0], [1]], gate, up, down)
    assert np.isfinite(out[0]).all() and np.isnan(out[1]).all()
    assert ref.moe_ffn(x[0], [1.0], [2], gate, up, down).shape == (3,)
    assert ref.moe_ffn(x, np.ones((2, 0)), np.ones((2, 0), int), gate, up, down).tolist() == [[0] * 3] * 2
