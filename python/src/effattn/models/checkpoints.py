# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Files that a training leaves and goes on from."""

from __future__ import annotations

import pathlib
from typing import Any, Dict, Mapping

import torch

from effattn.error import Error


def write(path: pathlib.Path, stored: Mapping[str, Any]) -> None:
    """All of the file or nothing: training may stop at any time."""
    part = path.with_suffix(".part")
    torch.save(stored, part)
    part.replace(path)


def read(path: pathlib.Path, model: str) -> Dict[str, Any]:
    """What was written for the model of that name."""
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as problem:
        raise Error(f"cannot read {path}: {(problem.strerror or str(problem)).lower()}") from None
    except Exception:
        # The unpickler raises whatever the bytes lead it to.
        stored = None
    if not isinstance(stored, dict) or not all(
        isinstance(stored.get(name), dict) for name in ("config", "weights")
    ):
        raise Error(f"{path} is no checkpoint of {model}")
    return stored


def expect_same(
    path: pathlib.Path, stored: Mapping[str, Any], wanted: Mapping[str, Mapping[str, Any]]
) -> None:
    """Refuse to go on with other sizes, or by another plan, than a training was begun with."""
    for name, values in wanted.items():
        found = stored.get(name, {})
        for key, value in values.items():
            if found.get(key) != value:
                raise Error(
                    f"expected {path} to have {key} {value}, but it has {found.get(key)}: "
                    "train in another folder, or give what it was begun with"
                )
