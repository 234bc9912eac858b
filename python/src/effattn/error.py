# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The one exception that effattn raises for a call it refuses."""


class Error(ValueError):
    """A refused call: one sentence naming the operand, what was expected and what was found."""
