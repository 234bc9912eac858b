# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How fast the compiled model is, beside the same model in PyTorch, and what it remembers."""

from __future__ import annotations

import statistics
import time
from typing import Any, Callable, Dict, List

import numpy as np

from effattn.compress.arrays import at_least
from effattn.models.packages import has_torch
from effattn.models.tiny.session import TinyModel

Report = Dict[str, Any]


def _rate(count: int, work: Callable[[], Any]) -> float:
    """Bytes a second."""
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


class _Eager:
    """The model in PyTorch, with the same weights and the same state, on as many threads as PyTorch has.

    Its ops are those of ``effattn.torch``, which run PyTorch's own.
    """

    def __init__(self, model: TinyModel):
        import torch

        from effattn.models.tiny.model import Config
        from effattn.models.tiny.streaming import Streaming

        self.torch = torch
        self.model = Streaming(Config.of(model.weights.config), model.steps.bounds).eval()
        self.model.load_state_dict({k: torch.from_numpy(v) for k, v in model.weights.arrays.items()})

    def rates(self, text: np.ndarray, prompt: int, tokens: int) -> Dict[str, float]:
        """Of the text at once, and of bytes behind it."""
        ids, step = self.torch.from_numpy(text), self.model
        state = step.start(1, tokens=prompt, concepts=len(text[0]))

        def take(part: Any) -> None:
            nonlocal state
            state = step(part, state).state

        def one_by_one() -> None:
            for place in range(prompt, prompt + tokens):
                take(ids[:, place : place + 1])

        with self.torch.no_grad():
            return {
                "prefill": _rate(prompt, lambda: take(ids[:, :prompt])),
                "decode": _rate(tokens, one_by_one),
            }


def _compiled(model: TinyModel, text: np.ndarray, prompt: int, tokens: int) -> Dict[str, float]:
    session = model.start()

    def one_by_one() -> None:
        for place in range(prompt, prompt + tokens):
            session.read(text[:, place : place + 1])

    return {
        "prefill": _rate(prompt, lambda: session.read(text[:, :prompt])),
        "decode": _rate(tokens, one_by_one),
    }


def measure(
    model: TinyModel, *, prompt: int = 1024, tokens: int = 256, rounds: int = 5, eager_tokens: int = 16
) -> Report:
    """Rates of all sides in turns, medians of the rounds, and bytes of state behind prompt and text.

    Args:
        model: to be measured.
        prompt: bytes that are taken at once.
        tokens: bytes that are taken one by one.
        eager_tokens: the same of PyTorch, which takes longer; 0 leaves it out.
    """
    for name, value in (("prompt", prompt), ("tokens", tokens), ("rounds", rounds)):
        at_least(name, value, 1)
    at_least("eager_tokens", eager_tokens, 0)
    # Words of letters and blanks, so that concepts and separators come as in a text.
    words = b"It was a dark night, and nobody knew where the road would end. "
    count = prompt + max(tokens, eager_tokens)
    text = np.frombuffer((words * (count // len(words) + 1))[:count], np.uint8).astype(np.int64)[None]
    eager = _Eager(model) if eager_tokens and has_torch() else None
    found: Dict[str, List[Dict[str, float]]] = {"effattn": []}
    _compiled(model, text, min(prompt, 64), 1)
    for _ in range(rounds):
        found["effattn"].append(_compiled(model, text, prompt, tokens))
        if eager is not None:
            found.setdefault("pytorch", []).append(eager.rates(text, prompt, eager_tokens))
    session = model.start()
    session.read(text)
    return {
        "prompt": prompt,
        "tokens": tokens,
        "rounds": rounds,
        "bytes_per_second": {
            side: {work: statistics.median(rates[work] for rates in all_rates) for work in all_rates[0]}
            for side, all_rates in found.items()
        },
        "state": {
            "text": session.seen,
            "state_bytes": session.used,
            "full_cache_bytes": session.seen * model.cached_byte,
        },
    }


def lines(report: Report) -> List[str]:
    """The report for people."""
    rates, state = report["bytes_per_second"], report["state"]
    ours, peer = rates["effattn"], rates.get("pytorch")
    said = []
    works = {"prefill": f"{report['prompt']} bytes at once", "decode": "one byte after the other"}
    for work, what in works.items():
        line = f"{what}: {ours[work]:,.0f} bytes a second"
        if peer is not None:
            line += f", PyTorch's modules {peer[work]:,.1f}: {ours[work] / peer[work]:.1f} times as fast"
        said.append(line)
    if peer is None:
        said.append("PyTorch is not installed, or was left out: nothing to compare with")
    said.append(
        f"state behind {state['text']:,} bytes: {state['state_bytes'] / 1e6:.2f} MB; keys and values of all "
        f"bytes in all layers: {state['full_cache_bytes'] / 1e6:.2f} MB"
    )
    return said
