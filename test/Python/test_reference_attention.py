# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Properties of masks and attention that follow from the definitions, and their edges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import close, rows, seeds

from effattn import Error
from effattn import reference as ref


@st.composite
def mask_cases(draw):
    """A generator, sizes (B, T, S), an offset and a mask over them."""
    rng = draw(seeds)
    batch, queries, keys = draw(st.integers(1, 2)), draw(st.integers(0, 5)), draw(st.integers(0, 6))
    offset = rng.integers(-3, 8, batch) if draw(st.booleans()) else None
    starts = rng.integers(0, 3, batch) if draw(st.booleans()) else None
    leaves = {
        "causal": ref.causal_mask,
        "window": lambda: ref.window_mask(size=int(rng.integers(1, 4))),
        "initial": lambda: ref.initial_mask(count=int(rng.integers(0, 3)), starts=starts),
        "length": lambda: ref.length_mask(rng.integers(0, keys + 1, batch), starts=starts),
        "document": lambda: ref.document_mask(
            rng.integers(0, 2, (batch, queries)), rng.integers(0, 2, (batch, keys))
        ),
        "dense": lambda: ref.dense_mask(rng.random((1, 1, queries, keys)) < 0.6),
        "separator": lambda: ref.separator_mask(
            rng.random((batch, keys)) < 0.3, initial=1, window=2, starts=starts
        ),
    }
    names = st.sampled_from(sorted(leaves))
    first, second = leaves[draw(names)](), leaves[draw(names)]()
    return rng, (batch, queries, keys), offset, first, second


def materialize(mask, sizes, offset):
    return ref.materialize_mask(mask, batch=sizes[0], queries=sizes[1], keys=sizes[2], offset=offset)


@given(mask_cases())
def test_masks_combine_as_booleans(case):
    _, sizes, offset, a, b = case
    keep_a, keep_b = materialize(a, sizes, offset), materialize(b, sizes, offset)
    np.testing.assert_array_equal(materialize(a & b, sizes, offset), keep_a & keep_b)
    np.testing.assert_array_equal(materialize(~(a & b), sizes, offset), materialize(~a | ~b, sizes, offset))
    np.testing.assert_array_equal(materialize(~(a | b), sizes, offset), materialize(~a & ~b, sizes, offset))
    np.testing.assert_array_equal(materialize(ref.mask_not(~a), sizes, offset), keep_a)


@given(seeds, st.integers(3, 9), st.integers(1, 3), st.integers(0, 3), st.booleans())
def test_separator_mask_is_its_parts(rng, keys, window, initial, padded):
    flags = rng.random((2, keys)) < 0.2
    starts = rng.integers(0, keys, 2) if padded else None
    separators = ref.dense_mask(np.broadcast_to(flags[:, None, None, :], (2, 1, keys, keys)))
    parts = ref.initial_mask(count=initial, starts=starts) | separators | ref.window_mask(size=window)
    composed = ref.causal_mask() & parts
    if padded:
        composed = composed & ref.length_mask([keys, keys], starts=starts)
    mask = ref.separator_mask(flags, initial=initial, window=window, starts=starts)
    np.testing.assert_array_equal(
        materialize(mask, (2, keys, keys), None), materialize(composed, (2, keys, keys), None)
    )


def test_causal_window_is_a_band():
    band = ref.causal_mask() & ref.window_mask(size=2)
    expected = np.tri(4, 4, dtype=bool) & ~np.tri(4, 4, -2, dtype=bool)
    np.testing.assert_array_equal(materialize(band, (1, 4, 4), None)[0, 0], expected)
    np.testing.assert_array_equal(materialize(band, (1, 1, 4), None)[0, 0], expected[3:])
    assert not materialize(ref.causal_mask(), (1, 2, 3), -5).any()


def qkv(rng, batch, heads, groups, queries, keys):
    q = rng.normal(size=(batch, heads, queries, 3))
    return q, rng.normal(size=(batch, groups, keys, 3)), rng.normal(size=(batch, groups, keys, 2))


@given(mask_cases(), st.sampled_from([None, 2.0]), st.booleans())
def test_attention_with_a_mask_equals_its_dense_form(case, softcap, alibi):
    rng, (batch, queries, keys), offset, a, b = case
    q, k, v = qkv(rng, batch, 4, 2, queries, keys)
    options = {"offset": offset, "softcap": softcap, "return_lse": True}
    if alibi:
        options.update(score="alibi", slopes=rng.normal(size=4))
    keep = materialize(a | ~b, (batch, queries, keys), offset)
    # What no row keeps of a batch row may hold anything.
    unseen = ~keep[:, 0].any(axis=1)
    for array in (k, v):
        array[np.broadcast_to(unseen[:, None, :], array.shape[:3])] = np.nan
    out, lse = ref.attention(q, k, v, mask=a | ~b, **options)
    dense_out, dense_lse = ref.attention(q, k, v, mask=ref.dense_mask(keep), **options)
    np.testing.assert_array_equal(out, dense_out)
    np.testing.assert_array_equal(lse, dense_lse)
    empty = np.broadcast_to(~keep.any(axis=-1), lse.shape)
    assert np.all(np.isfinite(out)) and not out[empty].any()
    np.testing.assert_array_equal(lse == -np.inf, empty)


@given(seeds, st.integers(0, 7), st.integers(0, 7))
def test_merge_attention_over_split_keys(rng, keys, at):
    at = min(at, keys)
    q, k, v = qkv(rng, 2, 2, 1, 3, keys)
    keep = rng.random((2, 1, 3, keys)) < 0.5

    def part(which):
        mask = ref.dense_mask(keep[..., which])
        return ref.attention(q, k[:, :, which], v[:, :, which], mask=mask, return_lse=True)

    out, lse = part(slice(None))
    merged, merged_lse = ref.merge_attention(*part(slice(0, at)), *part(slice(at, None)))
    np.testing.assert_allclose(merged, out, **close)
    np.testing.assert_allclose(merged_lse, lse, **close)


@given(rows())
def test_attention_over_ragged_rows_equals_each_row_alone(case):
    rng, batch, tokens, lengths, _ = case
    q, k, v = qkv(rng, batch, 2, 2, tokens, tokens)
    out, lse = ref.attention(
        q, k, v, mask=ref.causal_mask(), lengths=lengths, key_lengths=lengths, return_lse=True
    )
    for b, n in enumerate(lengths):
        alone = ref.attention(q[[b], :, :n], k[[b], :, :n], v[[b], :, :n], mask=ref.causal_mask())
        np.testing.assert_allclose(out[b, :, :n], alone[0], **close)
        assert not out[b, :, n:].any() and np.all(lse[b, :, n:] == -np.inf)


@given(seeds, st.integers(1, 6))
def test_attention_sees_key_positions_not_places(rng, keys):
    q, k, v = qkv(rng, 1, 2, 1, 2, keys)
    order = rng.permutation(keys)
    options = {"mask": ref.causal_mask() & ref.window_mask(size=3), "score": "alibi", "slopes": [0.5, -1.0]}
    straight = ref.attention(q, k, v, **options)
    ring = ref.attention(q, k[:, :, order], v[:, :, order], key_positions=order[None], **options)
    np.testing.assert_allclose(ring, straight, **close)
    absent = np.where(order == 0, -1, order)[None]
    without = ref.attention(
        q, k[:, :, order], v[:, :, order], key_positions=absent, mask=~ref.initial_mask(count=0)
    )
    np.testing.assert_allclose(without, ref.attention(q, k[:, :, 1:], v[:, :, 1:]), **close)


def test_attention_default_offsets():
    q, k, v = qkv(np.random.default_rng(0), 1, 1, 1, 2, 6)

    def kept(**options):
        _, lse = ref.attention(q * 0, k, v, mask=ref.causal_mask(), return_lse=True, **options)
        return np.exp(lse[0, 0]).round(9).tolist()

    assert kept() == [5, 6]
    assert kept(key_lengths=[4]) == [3, 4]
    assert kept(key_lengths=[4], lengths=[1]) == [4, 0]
    assert kept(lengths=[1]) == [5, 0]
    assert kept(offset=0) == [1, 2]
    assert kept(offset=[-1]) == [0, 1]


def test_attention_scores_of_minus_infinity_and_nan():
    q, k, v = qkv(np.random.default_rng(0), 1, 1, 1, 3, 3)
    out, lse = ref.attention(q, k, v, score=lambda s, b, h, i, j: np.full_like(s, -np.inf), return_lse=True)
    assert not out.any() and np.all(lse == -np.inf)
    k[0, 0, 2] = np.nan
    out = ref.attention(q, k, v, mask=ref.causal_mask())
    assert np.isfinite(out[0, 0, :2]).all() and np.isnan(out[0, 0, 2]).all()
    out = ref.attention(q * np.nan, k, v, mask=~(ref.causal_mask() | ~ref.causal_mask()))
    assert not out.any()


def test_attention_score_function_equals_alibi():
    q, k, v = qkv(np.random.default_rng(3), 2, 4, 2, 3, 5)
    slopes = np.array([0.5, 0.25, 0.0, -1.0])
    direct = ref.attention(q, k, v, score="alibi", slopes=slopes, softcap=3.0)
    called = ref.attention(q, k, v, score=lambda s, b, h, i, j: s + slopes[h] * (j - i), softcap=3.0)
    np.testing.assert_array_equal(direct, called)


def test_merge_attention_ignores_what_an_empty_part_holds():
    out, lse = ref.merge_attention([[np.nan]], [-np.inf], [[3.0]], [1.5])
    assert out.tolist() == [[3.0]] and lse.tolist() == [1.5]
    out, lse = ref.merge_attention([[np.nan]], [-np.inf], [[np.nan]], [-np.inf])
    assert out.tolist() == [[0.0]] and lse.tolist() == [-np.inf]


def test_separator_positions_by_list_and_bitmap():
    ids = [[3, 0, 2], [1, 3, 3]]
    expected = [[True, False, False], [True, True, True]]
    assert ref.separator_positions(ids, separators=[3, 1]).tolist() == expected
    assert ref.separator_positions(ids, bitmap=[False, True, False, True]).tolist() == expected
    with pytest.raises(Error, match=r"ids to lie in \[0, 3\), but got 3 at \[0, 0\]"):
        ref.separator_positions(ids, bitmap=[False, True, False])
    with pytest.raises(Error, match="either separators or bitmap, but got both"):
        ref.separator_positions(ids, separators=[1], bitmap=[True])


def test_query_heads_share_key_heads_in_runs():
    q, k, v = qkv(np.random.default_rng(1), 1, 6, 2, 2, 3)
    repeated = ref.attention(q, k.repeat(3, axis=1), v.repeat(3, axis=1))
    np.testing.assert_array_equal(ref.attention(q, k, v), repeated)


@given(mask_cases(), st.booleans(), st.booleans(), st.integers(0, 3))
def test_systematic_attention_is_attention_over_moved_keys_and_values(case, with_keys, with_values, reach):
    rng, (batch, queries, keys), _, first, second = case
    q, k, v = qkv(rng, batch, 4, 2, queries, keys)
    v2 = rng.normal(size=v.shape)
    tables = {
        "relative_keys": rng.normal(size=(2 * reach + 1, 3)) if with_keys else None,
        "relative_values": rng.normal(size=(2 * reach + 1, 2)) if with_values else None,
    }
    mask = first | second
    outs = ref.systematic_attention(q, k, v, v2, mask=mask, scale=0.7, **tables)
    keep = materialize(mask, (batch, queries, keys), None)
    for t in range(queries):
        # One query at a time, attention takes keys and values that already hold the tables' rows.
        rows = [min(max(s - (keys - queries + t), -reach), reach) + reach for s in range(keys)]
        moved = [
            np.zeros((keys, size)) if tables[name] is None else tables[name][rows]
            for name, size in (("relative_keys", 3), ("relative_values", 2))
        ]
        kept = ref.dense_mask(keep[:, :, t : t + 1])
        for out, values in zip(outs, (v, v2)):
            expected = ref.attention(
                q[:, :, t : t + 1], k + moved[0], values + moved[1], mask=kept, scale=0.7
            )
            np.testing.assert_allclose(out[:, :, t : t + 1], expected, **close)


def test_systematic_attention_of_no_key_and_nan():
    q = k = np.ones((1, 1, 2, 2))
    v, v2 = np.ones((1, 1, 2, 1)), np.array([[[[3.0], [np.nan]]]])
    out, out2 = ref.systematic_attention(q, k, v, v2, mask=ref.causal_mask())
    assert out.ravel().tolist() == [1, 1] and out2[0, 0, 0, 0] == 3 and np.isnan(out2[0, 0, 1, 0])
    empty = ref.systematic_attention(q, k, v, v2, mask=ref.initial_mask(count=0), relative_values=[[5.0]])
    assert not empty[0].any() and not empty[1].any()
