# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the full layers of a model attend to."""

from __future__ import annotations

from dataclasses import dataclass

from effattn.compress.arrays import at_least, one_of

KINDS = ("full", "separator", "separator-cache", "streaming")


@dataclass(frozen=True)
class Attention:
    """What the full layers of a model attend to; its window layers attend to their window.

    Attributes:
        kind: "full": all tokens. "separator": the first ones, separators and a window, of a cache of
            all tokens. "separator-cache": the same of a cache that is bounded, so that texts may have
            any length. "streaming": the first tokens and a window, bounded too.
        initial: how many first tokens are kept.
        separators: how many separators "separator-cache" keeps.
        window: newest tokens that are kept.
        slack: tokens beyond all these that a bounded cache takes before it forgets any.
        window_slack: the same of the caches of window layers.
    """

    kind: str = "full"
    initial: int = 4
    separators: int = 256
    window: int = 768
    slack: int = 256
    window_slack: int = 256

    def __post_init__(self) -> None:
        one_of("attention", self.kind, KINDS)
        at_least("initial", self.initial, 0)
        at_least("separators", self.separators, 0)
        at_least("window", self.window, 1)
        at_least("slack", self.slack, 0)
        at_least("window_slack", self.window_slack, 0)

    @property
    def is_bounded(self) -> bool:
        """Whether texts may have any length."""
        return self.kind in ("separator-cache", "streaming")

    @property
    def needs_separators(self) -> bool:
        return self.kind in ("separator", "separator-cache")

    @property
    def kept_separators(self) -> int:
        """How many separators a bounded cache keeps."""
        return self.separators if self.kind == "separator-cache" else 0

    @property
    def capacity(self) -> int:
        """Entries of a bounded cache between tokens, at most."""
        return self.initial + self.kept_separators + self.window + self.slack
