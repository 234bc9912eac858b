# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The ops that ran in calls of a traced function, and the file that Perfetto reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterable, NamedTuple, Optional, Tuple

from effattn.error import Error
from effattn.files import whole_file


class Span(NamedTuple):
    """An op that ran."""

    name: str
    place: str
    """In the source, "model.mlir:7:10"; empty where that is not known."""
    begin: int
    """Nanoseconds of the clock of ``time.monotonic_ns``."""
    end: int
    flops: Optional[int]
    """Floating-point operations; None where they are not known."""
    bytes: Optional[int]
    """Read and written."""

    @classmethod
    def of(cls, fields: Tuple[str, str, int, int, int, int]) -> "Span":
        name, place, begin, end, flops, size = fields
        return cls(name, place, begin, end, None if flops < 0 else flops, None if size < 0 else size)


def _event(span: Span) -> Dict[str, Any]:
    duration = span.end - span.begin
    arguments: Dict[str, Any] = {"location": span.place} if span.place else {}
    for key, count, rate in (("flops", span.flops, "GFLOP/s"), ("bytes", span.bytes, "GB/s")):
        if count is not None:
            arguments[key] = count
            if duration > 0:
                arguments[rate] = count / duration
    return {
        "name": span.name,
        "cat": "op",
        "ph": "X",
        "ts": span.begin / 1000,
        "dur": duration / 1000,
        "pid": 1,
        "tid": 1,
        "args": arguments,
    }


def write_trace(path: str, spans: Iterable[Span]) -> None:
    """Write spans as events for Perfetto or ``chrome://tracing``."""
    text = json.dumps({"traceEvents": [_event(span) for span in spans]}) + "\n"
    try:
        with whole_file(Path(path)) as file:
            file.write(text.encode())
    except OSError as error:
        raise Error(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from None
