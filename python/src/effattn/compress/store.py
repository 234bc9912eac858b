# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tables in files: plain ones to compress, and compressed ones as .npz or .safetensors."""

from __future__ import annotations

import io
import json
import zipfile
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import ml_dtypes
import numpy as np

from effattn.compress.adapters import LoraTable
from effattn.compress.codebooks import Codebook
from effattn.compress.mixed_widths import QuantizedTable
from effattn.compress.report import Report
from effattn.compress.result import Compressed, PathLike
from effattn.compress.tensor_trains import TensorTrain
from effattn.error import Error
from effattn.files import whole_file

FORMATS = (".npz", ".safetensors")
# What says how to read a file: an array of this name in a .npz, metadata in a .safetensors.
ABOUT = "effattn"
CLASSES = {kind.__name__: kind for kind in (TensorTrain, QuantizedTable, Codebook, LoraTable)}


def save(compressed: Compressed, path: PathLike) -> None:
    """Write a compressed table; the file appears whole or not at all.

    Args:
        compressed: the table.
        path: a .npz or .safetensors file.
    Raises:
        effattn.Error: another suffix, or safetensors is not installed.
    """
    path = writable(path)
    parts = compressed.parts()
    about = json.dumps(
        {
            "class": type(compressed).__name__,
            "attributes": compressed.attributes(),
            "report": _report_fields(compressed.report),
            "types": {name: array.dtype.name for name, array in parts.items()},
        }
    )
    with whole_file(path) as file:
        if path.suffix == ".safetensors":
            contiguous = {name: np.ascontiguousarray(array) for name, array in parts.items()}
            file.write(safetensors_package().numpy.save(contiguous, metadata={ABOUT: about}))
        else:
            np.savez(file, **parts, **{ABOUT: np.array(about)})


def load(path: PathLike) -> Compressed:
    """Read what ``save`` wrote, without the errors by row of its report.

    Raises:
        effattn.Error: the file is not one of a compressed table, or safetensors is not installed.
    """
    path = Path(path)
    parts, about = _read(path, _format(path))
    try:
        about = json.loads(about)
        kind = CLASSES[about["class"]]
        parts = {name: _typed(array, about["types"][name]) for name, array in parts.items()}
        compressed = kind.restore(parts, about["attributes"])
        compressed.report = about["report"] and Report(**about["report"])
    except (KeyError, TypeError, ValueError) as error:
        raise _not_ours(path, f"{type(error).__name__}: {error}") from None
    return compressed


def read_table(path: PathLike, tensor: Optional[str] = None) -> np.ndarray:
    """A table to compress.

    Args:
        path: a .npy or .safetensors file.
        tensor: the name of the tensor in a .safetensors file; its only one of rank 2 when absent.
    Raises:
        effattn.Error: another suffix, no such tensor, no single one of rank 2, or a file that
            cannot be read as what its suffix says.
    """
    path = Path(path)
    if path.suffix == ".npy":
        try:
            return np.load(path, mmap_mode="r")
        except (EOFError, ValueError) as error:
            raise Error(f"expected {path} to be a .npy file of numbers, but got: {error}") from None
    if path.suffix != ".safetensors":
        raise Error(f"expected {path} to end in .npy or .safetensors")
    with opened(path) as file:
        names = list(file.keys())
        if tensor is None:
            tables = [name for name in names if len(file.get_slice(name).get_shape()) == 2]
            if len(tables) != 1:
                raise Error(
                    f"expected the name of a tensor, for {path} has {len(tables)} of rank 2{_listed(tables)}"
                )
            tensor = tables[0]
        if tensor not in names:
            raise Error(f"expected {path} to have a tensor {tensor!r}, but got{_listed(names) or ' none'}")
        return file.get_tensor(tensor)


def writable(path: PathLike) -> Path:
    """``path``, refused when no compressed table can be written there."""
    path = Path(path)
    if _format(path) == ".safetensors":
        safetensors_package()
    if not path.parent.is_dir():
        raise Error(f"expected the folder of {path} to exist")
    return path


def _format(path: Path) -> str:
    if path.suffix not in FORMATS:
        raise Error(f"expected {path} to end in {' or '.join(FORMATS)}")
    return path.suffix


def _report_fields(report: Optional[Report]) -> Optional[Dict[str, Any]]:
    if report is None:
        return None
    return {name: value for name, value in asdict(report).items() if name != "row_errors"}


def _read(path: Path, suffix: str) -> Tuple[Dict[str, np.ndarray], str]:
    """The arrays of a file and what it says about itself."""
    if suffix == ".safetensors":
        with opened(path) as file:
            about = (file.metadata() or {}).get(ABOUT)
            parts = {name: file.get_tensor(name) for name in file.keys()}
    else:
        try:
            with np.load(io.BytesIO(path.read_bytes())) as file:
                parts = {name: file[name] for name in file.files}
        except (AttributeError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise _not_ours(path, str(error)) from None
        about = parts.pop(ABOUT, None)
    if about is None:
        raise _not_ours(path, "arrays of another origin")
    return parts, str(about)


def _not_ours(path: Path, found: str) -> Error:
    return Error(f"expected {path} to hold a compressed table, but got {found}")


def _typed(array: np.ndarray, name: str) -> np.ndarray:
    """NumPy stores bfloat16 as bytes without a type."""
    if name == "bfloat16" and array.dtype.name != name:
        return array.view(ml_dtypes.bfloat16)
    return array


def safetensors_package() -> Any:
    """The package, or an error that says what it is for."""
    try:
        import safetensors.numpy
    except ImportError:
        raise Error("expected the package safetensors to be installed for .safetensors files") from None
    return safetensors


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A file of safetensors, to read arrays of NumPy from."""
    package = safetensors_package()
    try:
        file = package.safe_open(str(path), "np")
    except package.SafetensorError as error:
        raise Error(f"expected {path} to be a .safetensors file, but got: {error}") from None
    with file:
        yield file


def _listed(names: List[str]) -> str:
    return f" ({', '.join(names[:8])}{', ...' if len(names) > 8 else ''})" if names else ""
