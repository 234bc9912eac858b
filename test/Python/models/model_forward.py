# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a model computes, in NumPy float64, a whole text at once."""

import math

import numpy as np
from effattn import reference
from effattn.models import formats
from effattn.reference import SeparatorCache

CODES = ("codes4", "codes8", "row_kind", "row_index", "scales")
COMPENSATION = ("residual_codes", "residual_scales", "nearest", "nearest_weight")


def _dense(arrays, name, layer=None):
    """A matrix ``[outputs, inputs]`` of codes."""

    def find(operand):
        array = arrays[f"{name}_{operand}"]
        return array if layer is None else array[layer]

    extra = {operand: find(operand) for operand in COMPENSATION if f"{name}_{operand}" in arrays}
    codes = [find(operand) for operand in CODES]
    return reference.quantized_embedding(np.arange(len(codes[2])), *codes, **extra)


def table(weights):
    if isinstance(weights.format.table, str):
        return weights.arrays["table"].astype(np.float64)
    return _dense(weights.arrays, "table")


def _matrix(weights, name, layer):
    """``[inputs, outputs]``"""
    if isinstance(weights.format.body, str):
        return weights.arrays[name][layer].astype(np.float64)
    return _dense(weights.arrays, name, layer).T


def _heads(x, count):
    return x.reshape(*x.shape[:2], count, -1).transpose(0, 2, 1, 3)


def _attend(config, attention, layer, q, k, v, flags):
    """The output of an attention layer, ``[B, H, T, D]``, of queries and keys that are not turned."""
    is_full = config.is_full(layer)
    if is_full and attention.is_bounded:
        batch, capacity = len(q), attention.capacity + 1
        entries = np.zeros((batch, config.key_heads, capacity, config.head_size))
        none = np.zeros(batch, np.int64)
        state = SeparatorCache(entries, entries, np.zeros((batch, capacity), bool), none, none)
        _, out = reference.separator_cache_update(
            state,
            k,
            v,
            flags,
            q=q,
            initial=attention.initial,
            separators=attention.kept_separators,
            window=attention.window,
            capacity=attention.capacity,
            when="after_attention",
            rope_base=config.rope_base,
        )
        return out
    base = config.rope_base if is_full else config.window_rope_base
    positions = np.tile(np.arange(q.shape[2]), (len(q), 1))
    q, k = (reference.rotary_embedding(x, positions, base=base) for x in (q, k))
    if not is_full:
        mask = reference.mask_and(reference.causal_mask(), reference.window_mask(size=config.window))
    elif attention.kind == "separator":
        mask = reference.separator_mask(flags, initial=attention.initial, window=attention.window)
    else:
        mask = reference.causal_mask()
    return reference.attention(q, k, v, mask=mask)


def _gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def forward(weights, attention, ids, is_separator):
    """The logits of the next token after each, ``[B, T, V]``; ``is_separator`` says it of every id."""
    config, arrays = weights.config, weights.arrays
    rows = table(weights)
    x = rows[ids] * math.sqrt(config.width)

    def norm(x, name, layer=None):
        weight = arrays[name] if layer is None else arrays[name][layer]
        return reference.rms_norm(x, weight, epsilon=config.epsilon)

    queries, keys = config.heads * config.head_size, config.key_heads * config.head_size
    for layer in range(config.layers):
        mixed = norm(x, "attention_norm", layer) @ _matrix(weights, "qkv", layer)
        q, k, v = np.split(mixed, [queries, queries + keys], axis=2)
        q, k, v = _heads(q, config.heads), _heads(k, config.key_heads), _heads(v, config.key_heads)
        q, k = norm(q, "query_norm", layer), norm(k, "key_norm", layer)
        out = _attend(config, attention, layer, q, k, v, is_separator[ids])
        out = out.transpose(0, 2, 1, 3).reshape(*ids.shape, queries) @ _matrix(weights, "output", layer)
        x = x + norm(out, "post_attention_norm", layer)
        h = norm(x, "ffn_norm", layer)
        if "gate" in formats.body(weights.format):
            gate, up = (h @ _matrix(weights, name, layer) for name in ("gate", "up"))
        else:
            gate, up = np.split(h @ _matrix(weights, "gate_up", layer), 2, axis=2)
        down = (_gelu_tanh(gate) * up) @ _matrix(weights, "down", layer)
        x = x + norm(down, "post_ffn_norm", layer)
    return norm(x, "final_norm") @ rows.T
