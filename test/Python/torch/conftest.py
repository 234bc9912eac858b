# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds the helpers of these tests, which need PyTorch, and writes texts to train on."""

import pathlib
import random
import sys

import pytest

pytest.importorskip("torch")

TESTS = pathlib.Path(__file__).parents[1]
for folder in ("", "ops", "torch"):
    sys.path.insert(0, str(TESTS / folder))


@pytest.fixture
def texts(tmp_path):
    """Files of words in a random order."""
    from tiny_models import WORDS

    order = random.Random(0)
    for name in ("a.txt", "validation/b.txt"):
        path = tmp_path / "texts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(" ".join(order.choices(WORDS.split(), k=600)))
    return tmp_path / "texts"
