# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Files of the model that need no PyTorch: weights, and the steps as IR.

Weights are a file of safetensors whose metadata has the sizes of the model. The first line of the IR says
for which sizes and bounds it was written.
"""

from __future__ import annotations

import json
import pathlib
from typing import Any, Dict, Mapping, NamedTuple

import numpy as np

from effattn.compiled import read
from effattn.compress.store import opened, safetensors_package
from effattn.error import Error
from effattn.files import whole_file
from effattn.models.packages import has_torch, require_torch
from effattn.models.tiny.bounds import Bounds

FOLDER = pathlib.Path(__file__).parent
WEIGHTS, PROGRAM = FOLDER / "tiny.safetensors", FOLDER / "tiny.mlir"
"""Those of the model that comes with effattn."""
_CONFIG = "effattn-tiny"


class Weights(NamedTuple):
    """The weights of a model by name."""

    config: Dict[str, Any]
    """The fields of ``Config``."""
    arrays: Dict[str, np.ndarray]

    @property
    def separators(self) -> np.ndarray:
        """Which bytes are separators, ``[256]``."""
        flags = np.zeros(256, bool)
        flags[list(self.config["separators"].encode())] = True
        return flags


def save_weights(path: pathlib.Path, weights: Weights) -> None:
    """Write weights; the file appears whole or not at all."""
    arrays = {name: np.ascontiguousarray(array) for name, array in weights.arrays.items()}
    content = safetensors_package().numpy.save(arrays, metadata={_CONFIG: json.dumps(weights.config)})
    with whole_file(path) as file:
        file.write(content)


def load_weights(path: pathlib.Path) -> Weights:
    """Read weights: a file of safetensors, or a checkpoint of PyTorch.

    Raises:
        effattn.Error: the file cannot be read, or holds something else.
    """
    if not path.is_file():
        what = "it is a folder" if path.is_dir() else "no such file or directory"
        raise Error(f"cannot read {path}: {what}")
    if path.suffix == ".pt":
        require_torch(f"read {path}")
        from effattn.models.tiny.training import load_model

        model = load_model(path)
        arrays = {name: value.numpy() for name, value in model.state_dict().items()}
        return Weights(plain(model.config.stored()), arrays)
    with opened(path) as file:
        config = (file.metadata() or {}).get(_CONFIG)
        if config is None:
            raise Error(f"{path} has no weights of effattn-tiny")
        return Weights(json.loads(config), {name: file.get_tensor(name) for name in file.keys()})


def plain(config: Mapping[str, Any]) -> Dict[str, Any]:
    """The fields as JSON has them."""
    return json.loads(json.dumps(config))


class Steps(NamedTuple):
    """The functions ``prefill`` and ``decode`` as IR, and what they were written for."""

    config: Dict[str, Any]
    bounds: Bounds
    text: str

    def __str__(self) -> str:
        about = {"config": self.config, "bounds": self.bounds._asdict()}
        return f"// {json.dumps(about)}\n{self.text}"


def load_steps(path: pathlib.Path = PROGRAM) -> Steps:
    """Read the text of ``Steps``."""
    head, _, text = read(str(path)).decode().partition("\n")
    try:
        about = json.loads(head.removeprefix("// "))
        return Steps(about["config"], Bounds(**about["bounds"]), text)
    except (KeyError, TypeError, ValueError):
        raise Error(f"{path} does not begin with the sizes of effattn-tiny") from None


def steps_for(weights: Weights) -> Steps:
    """The steps of a model of these sizes: those that are stored, or written anew, which takes PyTorch."""
    stored = load_steps()
    if stored.config == weights.config:
        return stored
    if not has_torch():
        names = [key for key, value in weights.config.items() if stored.config.get(key) != value]
        raise Error(
            f"expected weights of the sizes that effattn-tiny has, but {', '.join(names)} differ: "
            "a program for these needs PyTorch to be written"
        )
    from effattn.models.tiny.model import Config
    from effattn.models.tiny.streaming import Streaming, write

    return write(Streaming(Config.of(weights.config)))
