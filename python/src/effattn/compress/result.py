# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What all compressed tables can do: give their operands, be read by an op, and be put together again."""

from __future__ import annotations

import time
import os
from typing import (
    Any,
    Callable,
    ClassVar,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import numpy as np

from effattn.compress.arrays import blocks, progress_bar
from effattn.compress.report import Report, compare

PathLike = Union[str, "os.PathLike[str]"]


class Compressed:
    """A table in the form of an op's operands.

    Attributes:
        op: name of the op that reads it.
        keywords: operands that ops take by keyword; the others are positional after the first.
        report: what the compression cost.
    """

    op: ClassVar[str]
    keywords: ClassVar[FrozenSet[str]] = frozenset()
    report: Optional[Report] = None

    def operands(self) -> Dict[str, np.ndarray]:
        """Operands by the op's names and in its order, those that are absent left out."""
        raise NotImplementedError

    def attributes(self) -> Dict[str, Any]:
        """Attributes of the op by name."""
        return {}

    def parts(self) -> Dict[str, np.ndarray]:
        """All arrays that make up the table, by name: the operands and what else it takes."""
        return self.operands()

    @classmethod
    def restore(cls, parts: Dict[str, np.ndarray], attributes: Dict[str, Any]) -> "Compressed":
        """The table of these parts and attributes, without a report."""
        return cls(**parts, **attributes)

    def reconstruct(self, ids: Any = None) -> np.ndarray:
        """Rows as the op gives them.

        Args:
            ids: rows, ``[..]``; all of them in order when absent.
        Returns:
            ``[.., C]`` float64, computed by ``effattn.reference``.
        Raises:
            effattn.Error: an id is outside the table.
        """
        raise NotImplementedError

    def apply(self, op: Callable[..., Any], first: Any, **options: Any) -> Any:
        """Call an op with this table: ``table.apply(effattn.reference.quantized_matmul, x)``.

        Args:
            op: the op, of ``effattn.reference`` or another module that takes the same operands.
            first: its first operand, ids or activations.
            options: further keywords of the op.
        """
        operands = self.operands()
        by_name = {name: operands.pop(name) for name in self.keywords & operands.keys()}
        return op(first, *operands.values(), **by_name, **{**self.attributes(), **options})

    def save(self, path: PathLike) -> None:
        """Write the parts, attributes and report to a .npz or .safetensors file.

        Raises:
            effattn.Error: another suffix, or safetensors is not installed.
        """
        from effattn.compress.store import save

        save(self, path)

    @property
    def nbytes(self) -> int:
        """Bytes of all parts."""
        return sum(array.nbytes for array in self.parts().values())


def restored_pairs(compressed: Compressed, table: np.ndarray) -> Iterator[Tuple[np.ndarray, np.ndarray]]:
    """Blocks of rows before and after, looked up by their ids."""
    for rows in blocks(*table.shape):
        yield table[rows], compressed.reconstruct(np.arange(rows.start, rows.stop))


def measured(
    compressed: Compressed,
    tables: Sequence[np.ndarray],
    pairs: Iterable[Tuple[np.ndarray, np.ndarray]],
    *,
    since: float,
    details: Dict[str, Any],
    show: Optional[bool],
) -> Report:
    """The report of what stands in for ``tables``.

    Args:
        pairs: blocks of their rows before and after.
        since: when the compression began, by ``time.perf_counter``.
        details: what the method adds.
        show: whether to show progress; only on a terminal when None.
    """
    seconds, rows = time.perf_counter() - since, sum(map(len, tables))
    with progress_bar(rows, "measure", show) as bar:

        def counted() -> Iterator[Tuple[np.ndarray, np.ndarray]]:
            for before, after in pairs:
                yield before, after
                bar.update(len(before))

        errors = compare(counted())
    return Report(
        op=compressed.op,
        rows=rows,
        columns=tables[0].shape[1],
        bytes_before=sum(table.nbytes for table in tables),
        bytes_after=compressed.nbytes,
        seconds=seconds,
        details=details,
        **errors,
    )
