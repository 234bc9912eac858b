# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The one exception that effattn raises for a call it refuses, and what commands say of it."""


class Error(ValueError):
    """A refused call: one sentence naming the operand, what was expected and what was found."""


def sentence_of(problem: Exception) -> str:
    """What went wrong; the system says it with a number and without what was to be done."""
    if not isinstance(problem, OSError) or problem.strerror is None:
        return str(problem)
    what = f"cannot use {problem.filename}: " if problem.filename else ""
    return what + problem.strerror.lower()
