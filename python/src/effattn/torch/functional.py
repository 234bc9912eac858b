# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The ops as functions of PyTorch tensors, with the signatures of ``effattn.ops``."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor

from effattn import ops
from effattn.ops import Mask, SeparatorCache
from effattn.ops.masks import check_mask
from effattn.ops.op import Op
from effattn.reference.operands import refuse
from effattn.torch.library import OPS
from effattn.torch.masks import pack


def _run(name: str, arguments: Dict[str, Any]) -> Any:
    """The op; while autograd records, what it is made of, which need not be computed again backwards."""
    kinds = {group.name: group.kind for group in Op.declared[name].operands}
    arguments = {key: _as_kind(value, kinds.get(key)) for key, value in arguments.items()}
    if torch.compiler.is_compiling() or not torch.is_grad_enabled():
        return getattr(torch.ops.effattn, name)(**arguments)
    op = OPS[name]
    arguments = op.arguments(**arguments)
    op.check(arguments)
    return op.compute(**arguments)


def _as_kind(value: Any, kind: Optional[str]) -> Any:
    """Integers and flags in the type that the op wants, as all functions of ``effattn`` take them."""
    if not isinstance(value, Tensor):
        return value
    if kind == "i32" and value.dtype == torch.int64:
        return value.to(torch.int32)
    if kind in ("bool", "flag") and value.dtype != torch.bool and not value.is_floating_point():
        return value != 0
    if kind == "i8" and value.dtype == torch.uint8:
        return value.view(torch.int8)
    return value


def _plain(name: str) -> Callable[..., Any]:
    """The function of an op whose arguments are those of ``torch.ops.effattn``."""
    names = list(OPS[name].signature.parameters)

    def function(*operands: Any, **options: Any) -> Any:
        return _run(name, {**dict(zip(names, operands)), **options})

    return _documented(name, function)


def _documented(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    function.__name__ = function.__qualname__ = name
    # What compiled code alone has is no argument here.
    documentation = getattr(ops, name).__doc__ or ""
    function.__doc__ = re.sub(r"(?ms)^        (donate|lowering):.*?(?=^    Returns:)", "", documentation)
    return function


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    mask: Optional[Mask] = None,
    lengths: Optional[Tensor] = None,
    key_lengths: Optional[Tensor] = None,
    key_positions: Optional[Tensor] = None,
    offset: Optional[Union[int, Tensor]] = None,
    scale: Optional[float] = None,
    softcap: Optional[float] = None,
    return_lse: bool = False,
    score: Optional[str] = None,
    slopes: Optional[Tensor] = None,
) -> Union[Tensor, Tuple[Tensor, Tensor]]:
    if score not in (None, "alibi") or (score is None) != (slopes is None):
        raise refuse("attention", f'expected score = "alibi" and slopes together, but got {score!r}')
    text, operands = pack(mask if mask is None else check_mask("attention", mask))
    out, lse = _run(
        "attention",
        {
            "q": q,
            "k": k,
            "v": v,
            "mask_operands": operands,
            "mask": text,
            "lengths": lengths,
            "key_lengths": key_lengths,
            "key_positions": key_positions,
            "offset": _as_tensor(offset, q),
            "scale": scale,
            "softcap": softcap,
            "slopes": slopes,
        },
    )
    return (out, lse) if return_lse else out


def _as_tensor(offset: Optional[Union[int, Tensor]], like: Tensor) -> Optional[Tensor]:
    return torch.full((), offset, device=like.device) if isinstance(offset, int) else offset


def systematic_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    v2: Tensor,
    *,
    mask: Optional[Mask] = None,
    relative_keys: Optional[Tensor] = None,
    relative_values: Optional[Tensor] = None,
    scale: Optional[float] = None,
) -> Tuple[Tensor, Tensor]:
    text, operands = pack(mask if mask is None else check_mask("systematic_attention", mask))
    arguments = {
        "q": q,
        "k": k,
        "v": v,
        "v2": v2,
        "mask_operands": operands,
        "mask": text,
        "relative_keys": relative_keys,
        "relative_values": relative_values,
        "scale": scale,
    }
    return _run("systematic_attention", arguments)


def materialize_mask(
    mask: Mask,
    *,
    batch: int,
    queries: int,
    keys: int,
    heads: int = 1,
    offset: Optional[Union[int, Tensor]] = None,
) -> Tensor:
    text, operands = pack(check_mask("materialize_mask", mask))
    offset = torch.full((), offset) if isinstance(offset, int) else offset
    sizes = {"batch": batch, "queries": queries, "keys": keys, "heads": heads}
    return _run("materialize_mask", {"mask_operands": operands, "mask": text, **sizes, "offset": offset})


def tensor_train_embedding(ids: Tensor, *cores: Tensor, vocabulary: Optional[int] = None) -> Tensor:
    if not cores:
        raise refuse("tensor_train_embedding", "expected at least one core, but got none")
    return _run("tensor_train_embedding", {"ids": ids, "cores": list(cores), "vocabulary": vocabulary})


def separator_cache_append(
    state: Sequence[Tensor], k: Tensor, v: Tensor, flags: Tensor, **layout: Any
) -> SeparatorCache:
    arguments = {"state": _state(state), "k": k, "v": v, "flags": flags, **layout}
    return SeparatorCache(*_run("separator_cache_append", arguments))


def separator_cache_compact(state: Sequence[Tensor], **layout: Any) -> SeparatorCache:
    return SeparatorCache(*_run("separator_cache_compact", {"state": _state(state), **layout}))


def separator_cache_update(
    state: Sequence[Tensor],
    k: Tensor,
    v: Tensor,
    flags: Tensor,
    *,
    q: Optional[Tensor] = None,
    **layout: Any,
) -> Union[SeparatorCache, Tuple[SeparatorCache, Tensor]]:
    arguments = {"state": _state(state), "k": k, "v": v, "flags": flags, "q": q, **layout}
    results = _run("separator_cache_update", arguments)
    cache = SeparatorCache(*results[:5])
    return cache if q is None else (cache, results[5])


def cache_attention(q: Tensor, state: Sequence[Tensor], **options: Any) -> Tensor:
    return _run("cache_attention", {"q": q, "state": _state(state), **options})


def _state(state: Sequence[Tensor]) -> Sequence[Tensor]:
    return list(state)


_SPECIAL = (
    attention,
    systematic_attention,
    materialize_mask,
    tensor_train_embedding,
    separator_cache_append,
    separator_cache_compact,
    separator_cache_update,
    cache_attention,
)
FUNCTIONS: Dict[str, Callable[..., Any]] = {
    **{name: _plain(name) for name in OPS},
    **{function.__name__: _documented(function.__name__, function) for function in _SPECIAL},
}
