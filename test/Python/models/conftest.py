# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds the helpers of these tests, and makes the tiny model that they share."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).parent))


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory):
    """The file of a model with random weights."""
    from tiny_model import write_gguf

    path = tmp_path_factory.mktemp("tiny") / "tiny.gguf"
    write_gguf(path)
    return path


@pytest.fixture(scope="session")
def tiny_weights(tiny_gguf, tmp_path_factory):
    """Weights of the tiny model in a format, packed once."""
    from effattn.models.gguf_file import GGUFModel
    from effattn.models.weights import open_weights, pack

    folder = tmp_path_factory.mktemp("weights")

    def weights(format):
        path = folder / f"{format.name}.weights"
        if not path.exists():
            pack(GGUFModel(tiny_gguf), path, format)
        return open_weights(path)

    return weights
