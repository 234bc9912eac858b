# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How much the caches of a text of any length hold."""

from __future__ import annotations

from typing import NamedTuple


class Bounds(NamedTuple):
    """Of the caches of layers that attend to separators."""

    separators: int = 128
    """How many stay that the window has left behind, the newest; with more, a text that is read in steps
    gives something else than at once."""
    slack: int = 60
    """Bytes beside these and the window before a cache forgets any."""

    def capacity(self, initial: int, window: int) -> int:
        """What a cache holds at most between steps."""
        return initial + self.separators + window + self.slack
