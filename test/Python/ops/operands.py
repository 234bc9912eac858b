# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random operands of every op, small and of every shape and layout.

``FORMS`` maps the name of an op to its forms: functions of a ``Draw`` that give its operands and
keywords. A form is one signature; sizes and contents vary.
"""

import guarded
import ml_dtypes
import numpy as np

from effattn import ops

FLOATS = {"f32": np.float32, "bf16": ml_dtypes.bfloat16, "f16": np.float16}


class Draw:
    """A source of operands: sizes, and arrays in some memory layout."""

    def __init__(self, rng, dtype):
        self.rng, self.dtype = rng, FLOATS[dtype]

    def size(self, most=6, least=0):
        """Often 0 or 1."""
        return int(min(max(self.rng.choice([0, 1, self.rng.integers(least, most + 1)]), least), most))

    def sizes(self, *most):
        return [self.size(m) for m in most]

    def lay_out(self, array):
        """The same elements, at other strides or between forbidden pages."""
        way = self.rng.integers(7)
        if way == 0 and array.ndim:
            return array[::-1].copy()[::-1]
        if way == 1:
            return np.asfortranarray(array)
        if way == 2 and array.ndim:
            wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1] + 1), array.dtype)
            wide[..., 1::2] = array
            return wide[..., 1::2]
        if way == 3 and array.ndim:
            wide = np.zeros((array.shape[0] + 2, *array.shape[1:]), array.dtype)
            wide[1:-1] = array
            return wide[1:-1]
        return guarded.copy(array, at_end=way != 4) if way >= 4 else array

    def real(self, *shape, scale=1.0):
        """Of the activations' type."""
        return self.lay_out((scale * self.rng.standard_normal(shape)).astype(self.dtype))

    def f32(self, *shape):
        return self.lay_out(self.rng.standard_normal(shape).astype(np.float32))

    def uniform(self, *shape):
        """f32 in [0, 1), the ends among them."""
        return self.lay_out(
            self.rng.choice([self.rng.random(shape), self.rng.integers(0, 2, shape)]).astype(np.float32)
        )

    def flags(self, *shape):
        density = self.rng.choice([0, 0.2, 0.5, 1])
        return self.lay_out(self.rng.random(shape) < density)

    def integers(self, low, high, *shape):
        """In [low, high), of 32 or 64 bits by the form's choice: see ``i32`` and ``i64``."""
        high = max(high, low + 1)
        return self.rng.integers(low, high, shape)

    def i32(self, low, high, *shape):
        return self.lay_out(self.integers(low, high, *shape).astype(np.int32))

    def i64(self, low, high, *shape):
        return self.lay_out(self.integers(low, high, *shape))

    def lengths(self, batch, most):
        return self.integers(0, most + 1, batch).astype(np.int32)


# --- Concepts ----------------------------------------------------------------------------------------


def boundary_probability(d):
    b, t, c = d.sizes(3, 6, 5)
    return (d.real(b, t, c), d.real(b, t, c)), {}


def boundary_probability_resumed(d):
    b, t, c = d.sizes(3, 6, 5)
    return (d.real(b, t, c), d.real(b, t, c)), {
        "prev": d.real(b, c),
        "started": d.flags(b),
        "sequence_ids": d.i64(0, 2, b, t),
        "lengths": d.lengths(b, t),
        "pairing": "previous_query",
    }


def boundary_mask(d):
    return (d.uniform(*d.sizes(3, 7)),), {"threshold": 0.5}


def boundary_mask_drawn(d):
    shape = d.sizes(3, 7)
    return (d.uniform(*shape),), {"uniforms": d.uniform(*shape)}


def boundary_count(d):
    b, t = d.sizes(3, 7)
    return (d.flags(b, t),), {"lengths": d.lengths(b, t)}


def chunk(d):
    b, t, c = d.sizes(3, 6, 4)
    return (d.real(b, t, c), d.flags(b, t)), {}


def chunk_dropping(d):
    b, t, c = d.sizes(3, 6, 4)
    options = {"lengths": d.lengths(b, t), "capacity": d.size(6), "overflow": "drop"}
    return (d.real(b, t, c), d.flags(b, t)), options


def dechunk(d):
    b, n, t, c = d.sizes(3, 5, 6, 4)
    return (d.real(b, n, c), d.uniform(b, t), d.flags(b, t)), {}


def dechunk_resumed(d):
    b, n, t, c = d.sizes(3, 5, 6, 4)
    return (d.real(b, n, c), d.uniform(b, t), d.flags(b, t)), {
        "state": d.f32(b, c),
        "residual": d.real(b, t, c),
        "sequence_ids": d.i32(0, 2, b, t),
        "lengths": d.lengths(b, t),
        "epsilon": 1e-4,
    }


def ratio_loss(d):
    b, t = d.sizes(3, 7)
    return (d.uniform(b, t), d.flags(b, t)), {"ratio": 3.0, "lengths": d.lengths(b, t)}


# --- Address memory ----------------------------------------------------------------------------------


def product_softmax(d):
    return (d.real(*d.sizes(3, 2), d.size(3), d.size(3, 1)),), {"temperature": 0.7}


def top_k(d):
    return (d.real(*d.sizes(3, 2), d.size(6, 2)),), {"k": 2}


def top_k_of_ties(d):
    return (d.i32(0, 3, d.size(3), d.size(6, 2)).astype(d.dtype),), {"k": 2}


def product_softmax_top_k(d):
    return (d.real(d.size(4), 3, d.size(4, 2)),), {"k": 3, "normalize": True}


def cyclic_shift(d):
    b, t, k = d.sizes(3, 5, 4)
    return (d.i32(0, 27, b, t, k), d.i64(0, 1000, b, t)), {"mode": "radix", "digits": 3, "base": 3}


def cyclic_shift_by_periods(d):
    b, t, k = d.sizes(3, 5, 4)
    return (d.i64(0, 27, b, t, k), d.i32(0, 1000, b, t)), {
        "mode": "digits",
        "digits": 3,
        "base": 3,
        "periods": [1, 2, 5],
        "steps": [1, -1, 2],
    }


def address_decode(d):
    b, t = d.sizes(3, 5)
    return (d.real(b, t, 3 * d.size(4, 2)),), {"digits": 3, "k": 3, "positions": d.i32(0, 99, b, t)}


def address_memory(d):
    b, t, e, m = *d.sizes(3, 5, 4), d.size(8, 3)
    slots = d.rng.permuted(np.tile(np.arange(m, dtype=np.int32), (b, t, 2, 1)), axis=-1)[..., :3]
    operands = (
        d.uniform(b, t, 3),
        slots[:, :, 0],
        d.real(b, t, e),
        d.f32(b, t, 3),
        slots[:, :, 1].astype(np.int64),
    )
    return (*operands, d.f32(b, m, e), 1 + d.uniform(b, m)), {"lengths": d.lengths(b, t), "gamma": 0.5}


def vector_quantize(d):
    c = d.size(4)
    return (d.real(*d.sizes(3, 2), c), d.real(d.size(5, 1), c)), {"metric": "cosine"}


def vector_quantize_by_groups(d):
    c = 2 * d.size(2)
    return (d.real(d.size(4), c), d.real(d.size(5, 1), c)), {"groups": 2}


# --- Attention ---------------------------------------------------------------------------------------


def heads(d):
    groups = d.size(2, 1)
    return groups * d.size(2, 1), groups


def attention(d):
    (h, g), (b, t, s, width, e) = heads(d), d.sizes(2, 5, 6, 4, 4)
    return (d.real(b, h, t, width), d.real(b, g, s, width), d.real(b, g, s, e)), {}


def attention_masked(d):
    q, k, v = attention(d)[0]
    batch, keys = k.shape[0], k.shape[2]
    mask = ops.separator_mask(d.flags(batch, keys), initial=1, window=2) | ops.initial_mask(count=1)
    return (q, k, v), {
        "mask": mask & ops.causal_mask(),
        "return_lse": True,
        "score": "alibi",
        "slopes": d.uniform(q.shape[1]),
        "softcap": 5.0,
    }


def attention_ragged(d):
    q, k, v = attention(d)[0]
    b, t, s = q.shape[0], q.shape[2], k.shape[2]
    return (q, k, v), {
        "mask": ~ops.window_mask(size=2) | ops.document_mask(d.i32(0, 2, b, t), d.i64(0, 2, b, s)),
        "lengths": d.lengths(b, t),
        "key_lengths": d.lengths(b, s),
        "scale": 0.5,
    }


def attention_placed(d):
    q, k, v = attention(d)[0]
    b, s = q.shape[0], k.shape[2]
    return (q, k, v), {
        "mask": ops.causal_mask(),
        "key_positions": d.i64(-1, 8, b, s),
        "offset": d.i32(0, 8, b),
        "return_lse": True,
    }


def attention_of_dense_masks(d):
    q, k, v = attention(d)[0]
    (b, h, t), s = q.shape[:3], k.shape[2]
    of_rows, of_heads = ops.dense_mask(d.flags(b, 1, t, s)), ops.dense_mask(d.flags(1, h, t, s))
    return (q, k, v), {"mask": of_rows | ~of_heads & ops.dense_mask(d.flags(b, h, t, s))}


def systematic_attention(d):
    q, k, v = attention(d)[0]
    return (q, k, v, d.real(*v.shape)), {}


def systematic_attention_with_tables(d):
    (q, k, v), rows = attention(d)[0], 2 * d.size(2) + 1
    tables = {"relative_keys": d.real(rows, k.shape[3]), "relative_values": d.real(rows, v.shape[3])}
    return (q, k, v, d.real(*v.shape)), {**tables, "mask": ops.causal_mask(), "scale": 0.5}


def merge_attention(d):
    b, h, t, e = d.sizes(2, 2, 4, 4)

    def lse():
        found = d.f32(b, h, t).copy()
        found[d.flags(b, h, t)] = -np.inf
        return found

    return (d.real(b, h, t, e), lse(), d.real(b, h, t, e), lse()), {}


def materialize_mask(d):
    b, h, t, s = d.sizes(2, 2, 5, 6)
    mask = ops.length_mask(d.i64(0, s + 2, b), starts=d.i32(0, 3, b)) & ~ops.dense_mask(d.flags(b, 1, t, s))
    return (mask | ops.window_mask(size=2),), {"batch": b, "heads": h, "queries": t, "keys": s, "offset": 1}


def separator_positions(d):
    return (d.i32(0, 5, *d.sizes(3, 6)),), {"separators": [1, 3]}


def separator_positions_by_bitmap(d):
    v = d.size(6, 1)
    return (d.i64(0, v, *d.sizes(3, 6)),), {"bitmap": d.flags(v)}


def rotary_embedding(d):
    b, h, t = d.sizes(2, 2, 5)
    return (d.real(b, h, t, 2 * d.size(3)), d.i32(-9, 99, b, t)), {}


def rotary_embedding_of_some_columns(d):
    b, h, t = d.sizes(2, 2, 5)
    options = {"dims": 2, "layout": "interleaved", "base": 100.0, "scaling": 2.0}
    return (d.real(b, h, t, d.size(6, 2)), d.i64(-9, 99, b, t)), options


def rms_norm(d):
    c = d.size(5)
    return (d.real(*d.sizes(3, 2), c), d.real(c)), {"unit_offset": True}


def layer_norm(d):
    c = d.size(5)
    return (d.real(d.size(3), c), d.real(c)), {"bias": d.real(c)}


# --- Caches ------------------------------------------------------------------------------------------


def kv_cache_append(d, ring=False):
    b, g, t, n, width, e = d.size(3), d.size(2), d.size(4), d.size(9, 4), *d.sizes(3, 3)
    length = d.i32(0, 99 if ring else n - t + 1, b)
    cache = d.real(b, g, n, width), d.real(b, g, n, e), length
    return (*cache, d.real(b, g, t, width), d.real(b, g, t, e)), {"lengths": d.lengths(b, t), "ring": ring}


def kv_cache_append_to_ring(d):
    return kv_cache_append(d, ring=True)


LAYOUT = {"initial": 1, "separators": 2, "window": 2, "capacity": 6}


def separator_cache(d, b, g, least=0, most=7):
    """A state whose rows have from ``least`` to ``most`` entries."""
    n, width, e = d.size(11, most + 2), 2 * d.size(2), d.size(3)
    length = d.integers(least, most + 1, b).astype(np.int64)
    end = np.minimum(d.integers(0, 4, b), length)
    end[end < 1] = 0
    return d.real(b, g, n, width), d.real(b, g, n, e), d.flags(b, n), length, end


def separator_cache_append(d):
    b, g, t = d.size(3), d.size(2), d.size(2)
    state = separator_cache(d, b, g)
    new = d.real(b, g, t, state[0].shape[3]), d.real(b, g, t, state[1].shape[3]), d.flags(b, t)
    return (state, *new), {**LAYOUT, "when": "after_attention", "lengths": d.lengths(b, t)}


def separator_cache_compact(d):
    return (separator_cache(d, d.size(3), d.size(2), most=9),), {**LAYOUT, "when": "before_attention"}


def cache_attention(d):
    b, (h, g), t = d.size(3), heads(d), d.size(2)
    state = separator_cache(d, b, g, least=2)
    width = state[0].shape[3]
    return (d.real(b, h, t, width), state), {"lengths": d.lengths(b, t), "positions": "absolute"}


def cache_attention_by_slot(d):
    (q, state), _ = cache_attention(d)
    return (q, state), {"rope_base": 100.0, "rope_layout": "interleaved", "scale": 0.7}


def separator_cache_update(d):
    (state, *new), options = separator_cache_append(d)
    h = state[0].shape[1] * d.size(2, 1)
    q = d.real(state[0].shape[0], h, new[0].shape[2], state[0].shape[3])
    return (state, *new), {**options, "q": q, "positions": "absolute"}


def separator_cache_update_before_attention(d):
    operands, options = separator_cache_update(d)
    return operands, {**options, "when": "before_attention", "positions": "slot", "prefill": "whole"}


def separator_cache_update_of_the_state(d):
    operands, options = separator_cache_append(d)
    return operands, options


# --- Feed-forward ------------------------------------------------------------------------------------


def gated_ffn(d):
    c, f = d.sizes(4, 5)
    return (d.real(*d.sizes(3, 2), c), d.real(c, f), d.real(c, f), d.real(f, c)), {"activation": "gelu"}


def packed_matmul(d):
    columns, width, c = d.size(40), d.size(17, 1), d.size(5)
    return (d.real(*d.sizes(3, 2), c), d.real(-(-columns // width), c, width)), {"columns": columns}


def hourglass_ffn(d):
    blocks, c, hidden = d.sizes(3, 4, 5)
    weights = d.real(blocks, c, hidden), d.real(blocks, c, hidden), d.real(blocks, hidden, c)
    return (d.real(d.size(4), c), d.real(blocks, c), *weights), {}


def moe_route(d):
    c, x = d.size(4), d.size(5, 2)
    return (d.real(*d.sizes(3, 2), c), d.real(c, x)), {"k": 2, "normalize": False}


def moe_ffn(d):
    (c, f), x, t, k = d.sizes(4, 4), d.size(4, 1), d.size(5), d.size(3)
    choices = d.uniform(t, k), d.i32(0, x, t, k)
    return (d.real(t, c), *choices, d.real(x, c, f), d.real(x, c, f), d.real(x, f, c)), {"activation": "relu"}


# --- Embeddings --------------------------------------------------------------------------------------


def ids(d, vocabulary):
    return d.i64(0, vocabulary, *d.sizes(3, 4))


def embedding(d):
    v = d.size(6, 1)
    return (ids(d, v), d.real(v, d.size(4))), {}


def tensor_train_embedding(d):
    (n, m), ranks = ([d.size(3, 1) for _ in range(3)] for _ in range(2)), [1, d.size(3), d.size(3), 1]
    cores = [d.real(ranks[c], n[c], m[c], ranks[c + 1]) for c in range(3)]
    return (ids(d, n[0] * n[1] * n[2]), *cores), {}


def lora_embedding(d):
    (v, c, domains, rank), tokens = (d.size(6, 1), *d.sizes(4, 3, 3)), ids(d, 1)
    tables = d.real(v, c), d.real(domains, v, rank), d.real(domains, rank, c)
    return (tokens, *tables), {"weights": d.f32(tokens.shape[0], domains), "alpha": 2.0}


def lora_embedding_of_one_weighting(d):
    operands, options = lora_embedding(d)
    return operands, {"weights": d.real(operands[2].shape[0])}


def split_embedding(d):
    v, c = d.size(6, 1), d.size(4)
    return (ids(d, v), d.real(v, c), d.real(v, c)), {}


def split_embedding_by_maps(d):
    v, invariant, variant = d.size(6, 1), d.size(3, 1), d.size(3, 1)
    tables = d.real(invariant, d.size(4)), d.real(variant, d.size(4))
    maps = {"invariant_map": d.i32(0, invariant, v), "variant_map": d.i64(0, variant, v)}
    return (ids(d, v), *tables), {**maps, "combine": "concat"}


def table(d, compensated):
    """The operands of a table of 4-bit and 8-bit rows, and those of its compensation."""
    width, groups = [(0, 1), (1, 1), (3, 1), (4, 2), (6, 3)][d.rng.integers(5)]
    wide = d.flags(d.size(6, 1))
    v, v8 = wide.size, int(wide.sum())
    index = np.where(wide, np.cumsum(wide) - 1, np.cumsum(~wide) - 1).astype(np.int32)

    def nibbles(rows):
        codes = d.rng.integers(-7, 8, (rows, 2 * ((width + 1) // 2)))
        return ((codes[:, ::2] & 15) | (codes[:, 1::2] & 15) << 4).astype(np.uint8)

    codes8 = d.rng.integers(-127, 128, (v8, width)).astype(np.int8)
    operands = (
        nibbles(v - v8),
        codes8,
        wide.astype(d.rng.choice([np.uint8, np.int32])),
        index,
        0.1 * d.uniform(v, groups),
    )
    if not compensated:
        return operands, {}
    rows = np.append(np.flatnonzero(wide), -1)
    compensation = {
        "residual_codes": nibbles(v),
        "residual_scales": 0.01 * d.uniform(v, groups),
        "nearest": d.rng.choice(rows, v).astype(np.int32),
        "nearest_weight": d.uniform(v),
    }
    return operands, compensation


def quantized_embedding(d):
    operands, options = table(d, compensated=False)
    return (ids(d, operands[2].size), *operands), options


def quantized_embedding_compensated(d):
    operands, options = table(d, compensated=True)
    return (ids(d, operands[2].size), *operands), {**options, "result": "bf16"}


def quantized_matmul(d):
    operands, options = table(d, compensated=True)
    return (d.real(d.size(4), operands[1].shape[1]), *operands), options


def quantized_matmul_of_bytes(d):
    operands, options = table(d, compensated=False)
    return (d.real(d.size(4), operands[1].shape[1]), *operands), {**options, "activation": "i8"}


FORMS = {
    name: [
        form
        for key, form in list(globals().items())
        if key == name or key.startswith(f"{name}_") and key not in ops.__all__
    ]
    for name in ops.__all__
    if name in globals()
}
