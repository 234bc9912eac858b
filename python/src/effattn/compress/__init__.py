# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Smaller embedding tables: operands for the compressed-embedding ops, made from tables as they are.

Each function takes a table ``[V, C]`` and returns an object with the operands under the op's names,
``.reconstruct(ids)``, ``.apply(op, ids)``, ``.save(path)`` and ``.report``:

==================  =====================================  ======================================
``tensor_train``    a product of small cores               ``tensor_train_embedding``
``quantize_rows``   8 bits for some rows, 4 for the rest   ``quantized_embedding``, ``_matmul``
``learn_codebook``  codes that rows share                  ``vector_quantize``
``extract_lora``    one table and low-rank changes of it   ``lora_embedding``
==================  =====================================  ======================================

``python -m effattn compress`` does the same to files.
"""

from effattn.compress.adapters import LoraTable, extract_lora
from effattn.compress.codebooks import Codebook, learn_codebook
from effattn.compress.mixed_widths import QuantizedTable, quantize_rows
from effattn.compress.report import Report
from effattn.compress.result import Compressed
from effattn.compress.store import load, read_table, save
from effattn.compress.tensor_trains import TensorTrain, tensor_train

__all__ = [
    "Codebook",
    "Compressed",
    "LoraTable",
    "QuantizedTable",
    "Report",
    "TensorTrain",
    "extract_lora",
    "learn_codebook",
    "load",
    "quantize_rows",
    "read_table",
    "save",
    "tensor_train",
]
