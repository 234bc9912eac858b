# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The example models as equations, in NumPy float64 with the ops of effattn.reference.

Each takes the model's configuration, its weights by name and its data inputs, and gives its outputs.
"""

from __future__ import annotations

import numpy as np

from effattn import reference as ref


def part(w, layer):
    """The weights of a layer under their own names."""
    return {name[len(layer) + 1 :]: array for name, array in w.items() if name.startswith(f"{layer}_")}


def split(rows, heads):
    """``[B, T, H * D]`` to ``[B, H, T, D]``."""
    batch, tokens, width = rows.shape
    return rows.reshape(batch, tokens, heads, width // heads).swapaxes(1, 2)


def merge(rows):
    """``[B, H, T, D]`` to ``[B, T, H * D]``."""
    batch, heads, tokens, width = rows.shape
    return rows.swapaxes(1, 2).reshape(batch, tokens, heads * width)


# --- Layers that several models have -----------------------------------------------------------------


def attend(w, x, heads, lengths, concepts=None, positions=None):
    """``x + W_o attention(Q, K, V)``; Q, K and V are ``W h``, or ``W h + W_c e`` with concepts."""
    h = ref.rms_norm(x, w["norm"])

    def mix(name):
        rows = h @ w[name]
        return split(rows if concepts is None else rows + concepts @ w[f"{name}_concept"], heads)

    q, k, v = mix("to_query"), mix("to_key"), mix("to_value")
    if positions is not None:
        q, k = ref.rotary_embedding(q, positions), ref.rotary_embedding(k, positions)
    out = ref.attention(q, k, v, mask=ref.causal_mask(), lengths=lengths, key_lengths=lengths)
    return x + merge(out) @ w["to_output"]


def gated(w, x):
    return x + ref.gated_ffn(ref.rms_norm(x, w["norm"]), w["gate"], w["up"], w["down"])


def experts(c, w, x):
    """``x_t + sum_i g_i FFN_i(norm(x_t))`` over the experts that token t chooses."""
    h = ref.rms_norm(x, w["norm"])
    gates, chosen, _ = ref.moe_route(h, w["router"], k=c.chosen)
    return x + ref.moe_ffn(h, gates, chosen, w["gate"], w["up"], w["down"])


# --- RAM-Net -----------------------------------------------------------------------------------------


def ram_net(c, w, x, positions, lengths, memory, mass):
    h = ref.rms_norm(x, w["norm"])

    def address(logits):
        digits = logits.reshape(*logits.shape[:2], c.digits, c.base)
        weights, slots = ref.product_softmax_top_k(digits, k=c.kept, normalize=True)
        return weights, ref.cyclic_shift(slots, positions, mode=c.shift, digits=c.digits, base=c.base)

    write, read = address(h @ w["to_write"]), address(h @ w["to_read"])
    out, memory, mass = ref.address_memory(
        *write, h @ w["to_value"], *read, memory, mass, lengths=lengths, gamma=c.gamma
    )
    return x + out @ w["to_output"], memory, mass


# --- Hourglass ---------------------------------------------------------------------------------------


def hourglass(c, w, x, positions, lengths):
    x = attend(part(w, "attention"), x, c.heads, lengths, positions=positions)
    ffn = part(w, "ffn")
    for i in range(c.blocks):
        x = gated({name: array[i] for name, array in ffn.items()}, x)
    return (x,)


# --- ConceptMoE --------------------------------------------------------------------------------------


def concept_moe(c, w, x, lengths):
    h = attend(part(w, "encoder"), x, c.heads, lengths)

    p, _ = ref.boundary_probability(h @ w["boundary_query"], h @ w["boundary_key"], lengths=lengths)
    b = ref.boundary_mask(p)
    y, counts = ref.chunk(h, b, lengths=lengths)
    for i in range(c.layers):
        layer = part(w, f"concept_{i}")
        y = attend(part(layer, "attention"), y, c.heads, counts)
        y = experts(c, part(layer, "experts"), y)

    e, _ = ref.dechunk(y, p, b, lengths=lengths)
    valid = np.arange(x.shape[1]) < lengths[:, None]
    z = np.where(valid[..., None], h + e, 0)
    out = attend(part(w, "decoder"), z, c.heads, lengths, concepts=e)
    return out, ref.ratio_loss(p, b, ratio=c.ratio, lengths=lengths)


# --- SepLLM ------------------------------------------------------------------------------------------


def separator_attention(c, w, x, ids, lengths, cache):
    h = ref.rms_norm(x, w["norm"])
    q = split(h @ w["to_query"], c.heads)
    k, v = split(h @ w["to_key"], c.key_heads), split(h @ w["to_value"], c.key_heads)
    flags = ref.separator_positions(ids, separators=c.separator_ids)
    cache, out = ref.separator_cache_update(
        cache,
        k,
        v,
        flags,
        q=q,
        lengths=lengths,
        initial=c.initial,
        separators=c.separators,
        window=c.window,
        capacity=c.capacity,
        when="after_attention",
    )
    return x + merge(out) @ w["to_output"], cache


def sepllm_decode(c, w, x, ids, lengths, *cache):
    x, cache = separator_attention(c, part(w, "attention"), x, ids, lengths, cache)
    return gated(part(w, "ffn"), x), *cache


def sepllm_without_cache(c, w, x, positions, lengths):
    """The same layer while the cache has room for all tokens."""
    a = part(w, "attention")
    h = ref.rms_norm(x, a["norm"])
    q, k = split(h @ a["to_query"], c.heads), split(h @ a["to_key"], c.key_heads)
    out = ref.attention(
        ref.rotary_embedding(q, positions),
        ref.rotary_embedding(k, positions),
        split(h @ a["to_value"], c.key_heads),
        mask=ref.causal_mask(),
        lengths=lengths,
        key_lengths=lengths,
    )
    return gated(part(w, "ffn"), x + merge(out) @ a["to_output"])


# --- SQ-Transformer ----------------------------------------------------------------------------------


def sq_transformer(c, w, words, lengths):
    codes, structure = ref.vector_quantize(words, w["codebook"])

    a = part(w, "attention")
    x, s = ref.rms_norm(words, a["norm"]), ref.rms_norm(structure, a["norm"])
    out, out2 = ref.systematic_attention(
        split(s @ a["to_query"], c.heads),
        split(s @ a["to_key"], c.heads),
        split(x @ a["to_value"], c.heads),
        split(s @ a["to_value"], c.heads),
        mask=ref.length_mask(lengths),
        relative_keys=a["relative_keys"],
        relative_values=a["relative_values"],
    )
    words, structure = words + merge(out) @ a["to_output"], structure + merge(out2) @ a["to_output"]
    ffn = part(w, "ffn")
    return gated(ffn, words), gated(ffn, structure), codes


# --- All five ----------------------------------------------------------------------------------------


def five_systems(c, w, ids, positions, lengths, started, *states):
    *cache, memory, mass, last, average = states
    table = part(w, "embedding")
    x = ref.quantized_embedding(ids, **table)
    x, cache = separator_attention(c.attention, part(w, "attention"), x, ids, lengths, cache)
    x, memory, mass = ram_net(c.memory, part(w, "memory"), x, positions, lengths, memory, mass)

    concept = part(w, "concept")
    query, key = x @ concept["boundary_query"], x @ concept["boundary_key"]
    p, last = ref.boundary_probability(query, key, prev=last, started=started, lengths=lengths)
    b = ref.boundary_mask(p)
    y = experts(c, concept, ref.chunk(x, b, lengths=lengths)[0])
    x, average = ref.dechunk(y, p, b, state=average, residual=x, lengths=lengths)

    ffn = part(w, "ffn")
    for i in range(c.blocks):
        x = gated({name: array[i] for name, array in ffn.items()}, x)
    logits, tokens = ref.top_k(ref.quantized_matmul(ref.rms_norm(x, w["head_norm"]), **table), k=c.best)
    return tokens, logits, *cache, memory, mass, last, average
