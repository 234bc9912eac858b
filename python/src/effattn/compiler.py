# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From IR to a function that can be called."""

from __future__ import annotations

import os
import re
import warnings
from typing import Any, List, Mapping, Optional, Tuple, Union

from effattn.compiled import Compiled, Source, load_library, read
from effattn.error import Error
from effattn.ir.module import Module


def _read_source(source: Any) -> Tuple[bytes, str]:
    """The IR and the name that messages give it."""
    if isinstance(source, Module):
        return str(source).encode(), "<module>"
    if isinstance(source, bytes):
        return source, "<bytes>"
    if isinstance(source, os.PathLike):
        return read(os.fspath(source)), os.fspath(source)
    if isinstance(source, str):
        # Every module has a brace, and no sane name of a file.
        if "{" in source or "\n" in source or not source.strip():
            return source.encode("utf-8", "surrogatepass"), "<text>"
        return read(source), source
    raise Error(
        "expected IR as text, bytecode, an effattn.Module, the path of a file, a torch.nn.Module or an "
        f"ExportedProgram, but got {type(source).__name__}"
    )


def _is_torch(source: Any) -> bool:
    """Whether it is of a class of PyTorch's, or of one that is made of those."""
    return any(base.__module__.split(".")[0] == "torch" for base in type(source).__mro__)


Tiling = Union[None, str, "os.PathLike[str]", Mapping[str, int]]


def read_tiling(tiling: Tiling) -> List[str]:
    """The entries, ``name:number``, that a mapping holds or a file of JSON."""
    if tiling is None:
        return []
    if isinstance(tiling, Mapping):
        return [f"{name}:{number}" for name, number in tiling.items()]
    from effattn import _native

    return _native.read_tiling(os.fspath(tiling))


_PREFIX = re.compile(r"([A-Za-z_]\w*)?", re.ASCII)


def _one_of(name: str, value: str, choices: Tuple[str, ...]) -> str:
    if value not in choices:
        raise Error(f"expected {name} to be {' or '.join(choices)}, but got {value!r}")
    return value


def _check_tf32(gpu_tf32: bool, target: str, lowering: str) -> None:
    if not isinstance(gpu_tf32, bool):
        raise Error(f"expected gpu_tf32 to be True or False, but got {gpu_tf32!r}")
    for name, value, without in (("target", target, "cpu"), ("lowering", lowering, "linalg")):
        if gpu_tf32 and value == without:
            raise Error(f"expected gpu_tf32 with tuned kernels of a GPU only, but got {name} {value!r}")


def compile(
    source: Any,
    example_inputs: Any = None,
    *,
    target: str = "cpu",
    entry: Optional[str] = None,
    gpu: str = "sm_80",
    gpu_tf32: bool = False,
    cpu: str = "native",
    threads: str = "openmp",
    lowering: str = "tuned",
    optimization: int = 3,
    trace: bool = False,
    tiling: Tiling = None,
    symbol_prefix: str = "",
    dynamic_shapes: Any = None,
) -> Compiled:
    """Compile IR, or a module of PyTorch, to a function that can be called.

    Args:
        source: an ``effattn.Module``, MLIR text or bytecode, the path of a file with one of them, a
            ``torch.nn.Module``, or a ``torch.export.ExportedProgram``.
        example_inputs: the inputs that a ``torch.nn.Module`` is exported with.
        target: "cpu", "nvptx" for a GPU of NVIDIA, or "nvptx-emulated" for the same kernels run by the
            host, which checks what memory they touch.
        entry: which function to call: main, or the only one, where it is absent. The name of the
            function that a program of PyTorch becomes, "forward" where it is absent.
        gpu: which GPU, "sm_80" or a later one.
        gpu_tf32: whether kernels of a GPU multiply f32 on tensor cores, rounded to tf32: attention,
            products of matrices and feed-forward layers.
        cpu: "native", or a name that LLVM knows, such as "x86-64-v3".
        threads: "openmp", or "none" for loops on the calling thread alone.
        lowering: "tuned", or "linalg" for the plain lowering of every op.
        optimization: how hard LLVM tries, 0 to 3.
        trace: whether calls record when each op runs and what it takes, for ``Compiled.spans`` and
            ``Compiled.write_trace``; on the CPU only.
        tiling: sizes of caches and blocks of tuned code, as names and numbers, or the file of
            ``python -m effattn tune``; a cost model chooses what is not given.
        symbol_prefix: put before every exported name.
        dynamic_shapes: of ``example_inputs``, as ``torch.export.export`` takes them; when absent all
            sizes may vary that the module lets vary, but for those of 0 and 1.
    Returns:
        the function, or a choice of functions: see ``Compiled``.
    Raises:
        effattn.Error: what the compiler refuses, with its own sentence and the place in the source.
    """
    if optimization not in (0, 1, 2, 3):
        raise Error(f"expected optimization to be 0, 1, 2 or 3, but got {optimization!r}")
    for name, machine in (("cpu", cpu), ("gpu", gpu)):
        if not isinstance(machine, str):
            raise Error(f"expected {name} to be a name, but got {machine!r}")
    _check_tf32(gpu_tf32, target, lowering)
    if not isinstance(trace, bool):
        raise Error(f"expected trace to be True or False, but got {trace!r}")
    if trace and target != "cpu":
        raise Error(f"expected trace with target 'cpu' only, but got target {target!r}")
    if not isinstance(symbol_prefix, str) or not _PREFIX.fullmatch(symbol_prefix):
        raise Error(f"expected symbol_prefix to be an identifier of C, but got {symbol_prefix!r}")
    program = None
    if _is_torch(source):
        from effattn.torch.program import Program

        program = Program.of(source, example_inputs, dynamic_shapes, entry or "forward")
        source = program.module
    elif example_inputs is not None or dynamic_shapes is not None:
        raise Error("expected example_inputs with a PyTorch module only, but got them with IR")
    content, name = _read_source(source)
    options = dict(
        target=_one_of("target", target, ("cpu", "nvptx", "nvptx-emulated")),
        gpu=gpu,
        gpu_tf32=gpu_tf32,
        cpu=cpu,
        optimization=optimization,
        openmp=_one_of("threads", threads, ("openmp", "none")) == "openmp",
        tuned=_one_of("lowering", lowering, ("tuned", "linalg")) == "tuned",
        trace=trace,
        tiling=read_tiling(tiling),
        symbol_prefix=symbol_prefix,
    )
    origin = Source(content, name, options)
    files = origin.compile(stage="shared-lib")
    if files.diagnostics:
        warnings.warn(files.diagnostics, stacklevel=2)
    library = load_library(files.content)
    make = Compiled if program is None else program.compiled
    return make(library, entry, source=origin, stage_times=dict(files.stage_times))
