# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Properties of embedding tables and codebooks that follow from the definitions, and their edges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quantized_tables import quantized_tables
from strategies import close, seeds

from effattn import Error
from effattn import reference as ref

SHAPES = st.sampled_from([(), (0,), (5,), (2, 3), (2, 0, 3)])


@given(seeds, SHAPES, st.lists(st.tuples(*[st.integers(1, 3)] * 3), min_size=1, max_size=4))
def test_tensor_train_equals_its_dense_table(rng, shape, modes):
    ranks = [1, *(rank for _, _, rank in modes[1:]), 1]
    cores = [rng.normal(size=(ranks[c], n, m, ranks[c + 1])) for c, (n, m, _) in enumerate(modes)]
    # One einsum over letters: rows a.., columns n.., ranks A..
    terms = [f"{chr(65 + c)}{chr(97 + c)}{chr(110 + c)}{chr(66 + c)}" for c in range(len(cores))]
    rows, columns = "abcd"[: len(cores)], "nopq"[: len(cores)]
    dense = np.einsum(f"{','.join(terms)}->{rows}{columns}", *cores)
    table = dense.reshape(np.prod([n for n, _, _ in modes]), -1)
    ids = rng.integers(0, len(table), shape)
    np.testing.assert_allclose(ref.tensor_train_embedding(ids, *cores), ref.embedding(ids, table), **close)
    assert ref.tensor_train_embedding(0, *cores, vocabulary=1).shape == (table.shape[1],)


def test_tensor_train_of_more_rows_than_an_integer_counts():
    cores = [np.arange(256.0).reshape(1, 256, 1, 1)] * 10
    assert ref.tensor_train_embedding([2**63 - 1, 255], *cores).ravel().tolist() == [0, 0]
    cores = [np.ones((1, 256, 1, 1))] * 9 + cores[:1]
    assert ref.tensor_train_embedding([2**63 - 1, 7], *cores).ravel().tolist() == [255, 7]


@given(seeds, SHAPES, st.integers(0, 2), st.integers(0, 3))
def test_lora_equals_a_merged_table(rng, shape, domains, rank):
    table, a, b = (rng.normal(size=size) for size in ((7, 4), (domains, 7, rank), (domains, rank, 4)))
    ids, weights = rng.integers(0, 7, shape), rng.normal(size=domains)
    merged = table + (3.0 / rank * np.einsum("n,nvr,nrc->vc", weights, a, b) if rank else 0.0)
    out = ref.lora_embedding(ids, table, a, b, weights=weights, alpha=3.0)
    np.testing.assert_allclose(out, merged[ids], rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(
        ref.lora_embedding(ids, table, a, b), ref.lora_embedding(ids, table, a, b, weights=np.ones(domains))
    )
    if shape:
        by_row = rng.normal(size=(shape[0], domains))
        out = ref.lora_embedding(ids, table, a, b, weights=by_row)
        for row in range(shape[0]):
            expected = ref.lora_embedding(ids[row], table, a, b, weights=by_row[row])
            np.testing.assert_allclose(out[row], expected, **close)


@given(seeds, SHAPES)
def test_split_embedding_parts(rng, shape):
    invariant, variant = rng.normal(size=(3, 4)), rng.normal(size=(5, 4))
    to_invariant, to_variant = rng.integers(0, 3, 8), rng.integers(0, 5, 8)
    maps = {"invariant_map": to_invariant, "variant_map": to_variant}
    ids = rng.integers(0, 8, shape)
    joined = ref.split_embedding(ids, invariant, variant, combine="concat", **maps)
    np.testing.assert_array_equal(joined[..., :4], invariant[to_invariant[ids]])
    np.testing.assert_array_equal(joined[..., 4:], variant[to_variant[ids]])
    added = ref.split_embedding(ids, invariant, variant, **maps)
    np.testing.assert_array_equal(added, joined[..., :4] + joined[..., 4:])
    few = ids % 5
    np.testing.assert_array_equal(
        ref.split_embedding(few, invariant, variant, invariant_map=to_invariant[:5]),
        invariant[to_invariant[few]] + variant[few],
    )
    narrow = ref.split_embedding(ids, invariant, variant[:, :1], combine="concat", **maps)
    np.testing.assert_array_equal(narrow, joined[..., :5])


@given(quantized_tables(), SHAPES)
def test_quantized_table_equals_its_full_form(case, shape):
    rng, operands, keywords, dense = case
    ids = rng.integers(0, len(dense), shape)
    out = ref.quantized_embedding(ids, *operands, **keywords)
    np.testing.assert_allclose(out, dense[ids], **close)
    x = rng.normal(size=(*shape, dense.shape[1]))
    np.testing.assert_allclose(
        ref.quantized_matmul(x, *operands, **keywords), x @ dense.T, rtol=1e-9, atol=1e-9
    )


@given(quantized_tables())
def test_activations_of_8_bits(case):
    rng, operands, keywords, dense = case
    groups = operands[4].shape[1]
    # Whole numbers up to 127 a group are their own 8-bit form, at any scale of the group.
    x = rng.integers(-127, 128, (3, groups, dense.shape[1] // groups)).astype(float)
    x[:, :, 0] = 127.0
    x[2] = 0.0
    x = (x * rng.uniform(0.1, 9.0, (3, groups, 1))).reshape(3, -1)
    out = ref.quantized_matmul(x, *operands, activation="i8", **keywords)
    np.testing.assert_allclose(out, x @ dense.T, rtol=1e-9, atol=1e-9)

    # Elsewhere a value moves by half a step at most.
    x = rng.normal(size=x.shape)
    error = np.abs(ref.quantized_matmul(x, *operands, activation="i8", **keywords) - x @ dense.T)
    step = np.abs(x.reshape(3, groups, -1)).max(axis=-1, keepdims=True) / 127.0
    half = np.broadcast_to(step / 2, (3, groups, dense.shape[1] // groups)).reshape(3, -1)
    assert np.all(error <= half @ np.abs(dense).T + 1e-9)


def test_halves_of_bytes():
    operands = (np.array([[0x9F, 0x71]], np.uint8), np.zeros((0, 3), np.int8), [0], [0], [[0.5]])
    assert ref.quantized_embedding(0, *operands).tolist() == [-0.5, -3.5, 0.5]
    assert ref.quantized_matmul([127.0, 0, 2.5], *operands, activation="i8").tolist() == [-62.5]
    x = np.array([[1.0, np.nan, 0], [1, 0, 0]])
    for activation in ("f32", "i8"):
        out = ref.quantized_matmul(x, *operands, activation=activation)
        assert np.isnan(out[0]).all() and out[1] == pytest.approx(-0.5)


def test_rows_of_a_quantized_table_that_do_not_exist():
    codes4, codes8 = np.zeros((1, 1), np.uint8), np.zeros((1, 2), np.int8)
    table = (codes4, codes8, [0, 1, 1, 0], [0, 0, 1, -1], np.ones((4, 1)))
    assert ref.quantized_embedding([0, 1], *table).shape == (2, 2)
    near = {"nearest_weight": np.ones(4)}
    refused = [
        (lambda: ref.quantized_embedding([[0, 4]], *table), r"ids to lie in \[0, 4\), but got 4 at \[0, 1\]"),
        (lambda: ref.quantized_embedding([2], *table), r"\[0, 1\), the rows of codes8, but got 1 at \[2\]"),
        (lambda: ref.quantized_embedding([3], *table), r"the rows of codes4, but got -1 at \[3\]"),
        (lambda: ref.quantized_matmul([1.0, 2.0], *table), "the rows of codes8"),
        (
            lambda: ref.quantized_embedding([1], *table, nearest=[0, 0, 0, 0], **near),
            r"8-bit row, but got 0 at \[1\]",
        ),
        (lambda: ref.quantized_embedding([1], *table, nearest=[0, -2, 0, 0], **near), "but got -2"),
        (lambda: ref.quantized_embedding([1], *table, nearest=[0, 4, 0, 0], **near), "but got 4"),
        (lambda: ref.quantized_embedding([1], *table, **near), "together, but got nearest_weight alone"),
        (
            lambda: ref.quantized_embedding([1], *table[:4], np.ones((4, 3))),
            "to divide the 2 columns, but got 3",
        ),
        (lambda: ref.quantized_embedding([1], np.zeros((1, 2), int), *table[1:]), "1 bytes .* but got 2"),
        (
            lambda: ref.quantized_embedding([1], codes4, np.full((1, 2), 200), *table[2:]),
            "hold int8, but got values from",
        ),
        (lambda: ref.quantized_embedding([1], *table, result="f64"), "result to be one of f32"),
        (lambda: ref.quantized_matmul([1.0, 2], *table, activation="i4"), "activation to be one of f32, i8"),
    ]
    for call, message in refused:
        with pytest.raises(Error, match=message):
            call()


@given(seeds, SHAPES, st.sampled_from(["l2", "cosine"]), st.integers(1, 3))
def test_codes_are_the_nearest(rng, shape, metric, groups):
    x, codebook = rng.normal(size=(*shape, 2 * groups)), rng.normal(size=(4, 2 * groups))
    codes, quantized = ref.vector_quantize(x, codebook, metric=metric, groups=groups)
    assert codes.shape == (shape if groups == 1 else (*shape, groups))
    codes = codes.reshape(*shape, groups)
    for g in range(groups):
        part = slice(2 * g, 2 * g + 2)
        np.testing.assert_array_equal(quantized[..., part], codebook[codes[..., g], part])
        a, b = x[..., None, part], codebook[:, part]
        if metric == "l2":
            far = np.linalg.norm(a - b, axis=-1)
        else:
            # The angle between vectors of the plane.
            far = np.abs(np.angle((a[..., 0] + 1j * a[..., 1]) / (b[:, 0] + 1j * b[:, 1])))
        np.testing.assert_array_equal(codes[..., g], far.argmin(axis=-1))


def test_codes_that_tie_and_nan():
    book = np.array([[2.0, 0], [0, 1], [0, 1], [0, 0]])
    for metric, expected in (("l2", [1, 3, 0, 0]), ("cosine", [1, 0, 0, 0])):
        x = [[0.0, 3], [0, 0], [9, 0], [np.nan, 0]]
        codes, _ = ref.vector_quantize(x, book, metric=metric)
        assert codes.tolist() == expected
        shown = np.where(np.arange(4)[:, None] == 2, np.nan, book)
        assert np.isnan(ref.vector_quantize(x[:3], shown, metric=metric)[1]).all()
