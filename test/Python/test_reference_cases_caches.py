# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The separator cache against streams that the systems' published code has run."""

import numpy as np
import pytest
from cases import Case, project

from effattn import reference as ref


def empty(entries, groups=1, size=1, values=1):
    """A cache of one row."""
    return ref.SeparatorCache(
        np.zeros((1, groups, entries, size)),
        np.zeros((1, groups, entries, values)),
        np.zeros((1, entries), dtype=bool),
        np.zeros(1, dtype=np.int32),
        np.zeros(1, dtype=np.int32),
    )


def attributes(params, when):
    return {
        "initial": params["init_cache_size"],
        "separators": params["sep_cache_size"],
        "window": params["local_size"],
        "capacity": params["cache_size"],
        "when": when,
    }


def token(ids, t, separators):
    """Key, value and flag of token t, whose value is its index."""
    return np.zeros((1, 1, 1, 1)), np.full((1, 1, 1, 1), t), np.isin(ids[:, t : t + 1], separators)


def kept(state):
    return state.values[0, 0, : state.length[0], 0].astype(int).tolist()


@pytest.mark.parametrize("ops", ["update", "append and compact"])
def test_stream_compacted_after_attention(ops):
    case = Case("sepllm_stream_basic")
    options = attributes(case.params, "after_attention")
    state = empty(case.params["cache_size"] + 1)
    for step, t in enumerate(case["t"]):
        new = token(case["ids"], t, case.params["seps"])
        if ops == "update":
            state = ref.separator_cache_update(state, *new, **options)
        else:
            state = ref.separator_cache_append(state, *new, **options)
            assert state.length.tolist() == [case["len_before"][step]]
            state = ref.separator_cache_compact(state, **options)
        assert state.length.tolist() == [case["len_after"][step]]
        assert state.separator_end.tolist() == [case["sep_end"][step]]
        assert kept(state) == [i for i in case["kept"][step, 0] if i >= 0]


@pytest.mark.parametrize("prefill", ["whole", "stepwise"])
def test_stream_compacted_before_attention(prefill):
    case = Case("sepcache_basic")
    options = attributes(case.params, "before_attention")
    state = empty(case.params["cache_size"] + 1)
    steps = dict(zip(case["t"].tolist(), range(len(case["t"]))))
    first = case.params["prefill"]
    parts = [range(first)] + [range(t, t + 1) for t in range(first, case["ids"].shape[1])]
    for part in parts:
        tokens = [token(case["ids"], t, case.params["seps"]) for t in part]
        k, v = (np.concatenate([new[i] for new in tokens], axis=2) for i in (0, 1))
        flags = np.concatenate([new[2] for new in tokens], axis=1)
        state = ref.separator_cache_update(state, k, v, flags, prefill=prefill, **options)
        step = steps[part[-1]]
        assert state.length.tolist() == case["length"][step].tolist()
        assert state.separator_end.tolist() == case["sep_end"][step].tolist()
        assert kept(state) == [i for i in case["kept"][step, 0, 0] if i >= 0]


@pytest.mark.parametrize("parts", [1, 40])
def test_attention_in_a_streaming_cache(parts):
    case = Case("sepllm_stream_attn_stream")
    params, x = case.params, case["x"]
    heads, groups, size = params["H"], params["Hkv"], params["head_dim"]
    q = project(x, case["Wq"]).reshape(1, len(x), heads, size).transpose(0, 2, 1, 3)
    k = project(x, case["Wk"]).reshape(1, len(x), groups, size).transpose(0, 2, 1, 3)
    v = project(x, case["Wv"]).reshape(1, len(x), groups, size).transpose(0, 2, 1, 3)
    flags = np.isin(case["ids"], params["seps"])
    state, out = empty(params["c"] + 1, groups, size, size), []
    for part in np.array_split(np.arange(len(x)), parts):
        state, seen = ref.separator_cache_update(
            state,
            k[:, :, part],
            v[:, :, part],
            flags[:, part],
            q=q[:, :, part],
            initial=params["a"],
            separators=0,
            window=params["w"],
            capacity=params["c"],
            when="after_attention",
            rope_base=params["rope_base"],
        )
        out.append(seen)
    joined = np.concatenate(out, axis=2).transpose(0, 2, 1, 3).reshape(len(x), heads * size)
    case.check(project(joined, case["Wo"]), "out")
