# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What ``bench`` lets take turns: a compiled model, and other programs with the same file of GGUF."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from typing import Any, Callable, Dict, Sequence, Type

from effattn.error import Error
from effattn.models.session import CompiledModel


@dataclass(frozen=True)
class Plan:
    """What all sides are told.

    Attributes:
        open: makes the compiled model.
        gguf: the file of the model.
        threads: of each side.
        context: tokens that caches have to hold.
    """

    open: Callable[[], CompiledModel]
    gguf: str
    threads: int
    context: int


class Side:
    """A program with a model and one text on its way through it."""

    def __init__(self, plan: Plan):
        raise NotImplementedError

    @classmethod
    def packages(cls) -> None:
        """Import what it needs, so that nobody counts that."""

    def cache_bytes(self) -> int:
        """What the caches take."""
        raise NotImplementedError

    def forget(self) -> None:
        """Begin a new text."""
        raise NotImplementedError

    def take(self, ids: Sequence[int]) -> None:
        """Take tokens, and know the logits of the next."""
        raise NotImplementedError


class Ours(Side):
    def __init__(self, plan: Plan):
        self._session = plan.open().start(context=plan.context)

    def cache_bytes(self) -> int:
        return self._session.nbytes

    def forget(self) -> None:
        self._session.forget()

    def take(self, ids: Sequence[int]) -> None:
        if len(ids) > 1:
            self._session.prefill(ids[:-1])
        self._session.decode(ids[-1:])


class LlamaCpp(Side):
    """llama.cpp with caches of f16, as is its habit, and of its window layers no larger than they need."""

    @classmethod
    def packages(cls) -> None:
        cls._llama = _need("llama_cpp", "llama-cpp-python")

    def __init__(self, plan: Plan):
        self.packages()
        self._model = self._llama.Llama(
            plan.gguf,
            n_ctx=plan.context,
            n_threads=plan.threads,
            n_threads_batch=plan.threads,
            flash_attn=True,
            swa_full=False,
            verbose=False,
        )

    def cache_bytes(self) -> int:
        return int(self._llama.llama_state_seq_get_size(self._model.ctx, 0))

    def forget(self) -> None:
        self._model.reset()

    def take(self, ids: Sequence[int]) -> None:
        self._model.eval(ids)


class Transformers(Side):
    """transformers on PyTorch, with weights and caches of f32."""

    @classmethod
    def packages(cls) -> None:
        cls._torch, cls._transformers = _need("torch", "torch"), _need("transformers", "transformers")

    def __init__(self, plan: Plan):
        self.packages()
        self._torch.set_num_threads(plan.threads)
        folder, file = os.path.split(os.path.abspath(plan.gguf))
        self._model = self._transformers.AutoModelForCausalLM.from_pretrained(
            folder, gguf_file=file, dtype=self._torch.float32
        ).eval()
        self.forget()

    def cache_bytes(self) -> int:
        layers = self._cache.layers if self._cache is not None else ()
        return sum(tensor.nbytes for layer in layers for tensor in (layer.keys, layer.values))

    def forget(self) -> None:
        self._cache: Any = None

    def take(self, ids: Sequence[int]) -> None:
        with self._torch.inference_mode():
            out = self._model(
                self._torch.tensor([ids]), past_key_values=self._cache, use_cache=True, logits_to_keep=1
            )
        self._cache = out.past_key_values


OURS = "effattn"
SIDES: Dict[str, Type[Side]] = {OURS: Ours, "llama.cpp": LlamaCpp, "transformers": Transformers}


def _need(module: str, distribution: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise Error(f"{distribution} cannot be imported: {error}") from None
