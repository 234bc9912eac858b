# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The Python examples of the documentation run."""

import pathlib
import re
import shutil
import sys

import pytest
from compiler import needs_compiler

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "python" / "README.md", *ROOT.glob("docs/**/*.md")]


def examples(page):
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


@needs_compiler
@pytest.mark.parametrize("page", [p for p in PAGES if examples(p)], ids=lambda p: str(p.relative_to(ROOT)))
def test_examples_run(page, tmp_path, monkeypatch):
    """The blocks of a page, one after the other, in a copy of its folder where that has examples."""
    if any("import torch" in block for block in examples(page)):
        pytest.importorskip("torch")
    if page.parent.name == "examples":
        shutil.copytree(page.parent, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    names = {"__name__": "example"}
    for block in examples(page):
        exec(compile(block, str(page), "exec"), names)
