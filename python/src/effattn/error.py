# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The one exception that effattn raises for a call it refuses, and what commands say of it."""

from __future__ import annotations

import sys
from typing import Callable, Optional

INTERRUPTED = 130


class Error(ValueError):
    """A refused call: one sentence naming the operand, what was expected and what was found."""


def exit_status(run: Callable[[], Optional[int]]) -> int:
    """That of a command, which says in one sentence what stopped it."""
    try:
        return run() or 0
    except (Error, OSError) as problem:
        print(f"effattn: {_sentence_of(problem)}", file=sys.stderr)
        return 1
    except MemoryError as problem:
        print(f"effattn: out of memory{f': {problem}' if str(problem) else ''}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("effattn: interrupted", file=sys.stderr)
        return INTERRUPTED


def _sentence_of(problem: Exception) -> str:
    """What went wrong; the system says it with a number and without what was to be done."""
    if not isinstance(problem, OSError) or problem.strerror is None:
        return str(problem)
    what = f"cannot use {problem.filename}: " if problem.filename else ""
    return what + problem.strerror.lower()
