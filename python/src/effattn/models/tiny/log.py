# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The log of a training: a line of JSON a step, ``{"step": .., "loss": .., ..}``."""

from __future__ import annotations

import json
import pathlib
from typing import Any, Dict, List

from effattn.error import Error
from effattn.files import whole_file

MEASURED = "validation_bits_per_byte"
"""Of texts of validation, in the lines of steps that measured it."""


def read(path: pathlib.Path) -> List[Dict[str, Any]]:
    """The lines; a last one that a killed training has left unfinished is none."""
    entries: List[Dict[str, Any]] = []
    lines = path.read_text(errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        entry = _parsed(line)
        if "step" in entry:
            entries.append(entry)
        elif number < len(lines):
            raise Error(f"expected line {number} of {path} to be a step of a training")
    return entries


def _parsed(line: str) -> Dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def line_of(entry: Dict[str, Any]) -> str:
    return json.dumps(entry) + "\n"


def write(path: pathlib.Path, entries: List[Dict[str, Any]]) -> None:
    """Write lines anew; the file changes whole or not at all."""
    with whole_file(path) as file:
        file.write("".join(map(line_of, entries)).encode())
