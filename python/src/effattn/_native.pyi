"""The native half of the package: the compiler, and calls of what it makes."""

from typing import Any, Callable, List, Optional, Sequence, Tuple

__version__: str

class CompiledFiles:
    content: bytes
    diagnostics: str
    json: str
    stage_times: List[Tuple[str, float]]

def compile(
    source: bytes,
    source_name: str,
    *,
    stage: str = "",
    output: str = "",
    cpu: str = "native",
    optimization: int = 3,
    openmp: bool = True,
    tuned: bool = True,
    trace: bool = False,
    tiling: Sequence[str] = (),
    symbol_prefix: str = "",
    name: str = "model",
    soname: str = "",
) -> CompiledFiles: ...
def read_tiling(argument: str) -> List[str]: ...
def describe_tiling(cpu: str, tiling: Sequence[str]) -> List[Tuple[str, int, str]]: ...
def check_writable(path: str) -> None: ...
def write_compiled(path: str, files: CompiledFiles) -> None: ...

class Function:
    signature: str
    def describe(self, inputs: Sequence[str], outputs: Sequence[Tuple[Tuple[int, int], int]]) -> None: ...
    def call(
        self,
        inputs: Sequence[Any],
        allocate: Callable[[int, Tuple[int, ...]], Any],
        adopt: Callable[[int, Any], Any],
        donated: Sequence[Tuple[int, int]],
    ) -> List[Any]: ...
    def take_spans(self) -> Optional[Tuple[List[Tuple[str, str, int, int, int, int]], int]]: ...

class Library:
    functions: List[str]
    def __init__(self, path: str) -> None: ...
    def find(self, name: str) -> Function: ...
