# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How weights are stored: which arrays stand for the matrices of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, NamedTuple, Tuple, Union

from effattn.compress.arrays import at_least, one_of, within
from effattn.compress.mixed_widths import wide_rows
from effattn.error import Error
from effattn.models.config import Config

FLOATS = ("f32", "bf16")
Width = Union[str, float]


class Declared(NamedTuple):
    """An array of weights."""

    element: str
    """As signatures name it: "f32", "bf16", "i8", ..."""
    shape: Tuple[int, ...]

    @property
    def type(self) -> str:
        """As an input of a function, where bytes have no sign: the op that reads them says."""
        element = "i8" if self.element == "ui8" else self.element
        return f"{element}[{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True)
class Format:
    """How weights are stored.

    Attributes:
        body: of the matrices of the layers: "f32", "bf16", or bits of a code on average, 4 to 8.
        table: the same of the table of the vocabulary, which is also the output head.
        group: columns that share a scale.
        compensation: of the codes of the table, as ``effattn.compress.quantize_rows`` has it.
    """

    body: Width = 8.0
    table: Width = 8.0
    group: int = 64
    compensation: str = "none"

    def __post_init__(self) -> None:
        for name in ("body", "table"):
            width = getattr(self, name)
            if isinstance(width, str):
                one_of(name, width, FLOATS)
            else:
                object.__setattr__(self, name, within(name, width, 4.0, 8.0))
        at_least("group", self.group, 1)
        one_of("compensation", self.compensation, tuple(COMPENSATION))

    @property
    def name(self) -> str:
        """A short one, for files."""
        parts = [f"body-{_word(self.body)}", f"table-{_word(self.table)}"]
        if not (isinstance(self.body, str) and isinstance(self.table, str)):
            parts.append(f"group-{self.group}")
        if self.compensation != "none":
            parts.append(self.compensation)
        return "-".join(parts)


def parse_width(text: str) -> Width:
    """A width as a command has it."""
    if text in FLOATS:
        return text
    try:
        return float(text)
    except ValueError:
        raise Error(f"expected f32, bf16 or bits from 4 to 8, but got {text!r}") from None


def _word(width: Width) -> str:
    return width if isinstance(width, str) else f"{width:g}"


# The matrices of a layer: the tensors of a file that they are made of, one below the other.
QUANTIZED_BODY = {
    "qkv": ("attn_q", "attn_k", "attn_v"),
    "output": ("attn_output",),
    "gate_up": ("ffn_gate", "ffn_up"),
    "down": ("ffn_down",),
}
# Not quantised, the feed-forward part is one op with a gate of its own.
FLOAT_BODY = {
    "qkv": ("attn_q", "attn_k", "attn_v"),
    "output": ("attn_output",),
    "gate": ("ffn_gate",),
    "up": ("ffn_up",),
    "down": ("ffn_down",),
}
NORMS = {
    "attention_norm": "attn_norm",
    "query_norm": "attn_q_norm",
    "key_norm": "attn_k_norm",
    "post_attention_norm": "post_attention_norm",
    "ffn_norm": "ffn_norm",
    "post_ffn_norm": "post_ffw_norm",
}


def body(format: Format) -> Dict[str, Tuple[str, ...]]:
    """The matrices of a layer by name."""
    return FLOAT_BODY if isinstance(format.body, str) else QUANTIZED_BODY


def matrix_sizes(config: Config) -> Dict[str, Tuple[int, int]]:
    """Outputs and inputs of the matrices of a layer."""
    heads, keys = config.heads * config.head_size, config.key_heads * config.head_size
    return {
        "qkv": (heads + 2 * keys, config.width),
        "output": (config.width, heads),
        "gate_up": (2 * config.hidden, config.width),
        "gate": (config.hidden, config.width),
        "up": (config.hidden, config.width),
        "down": (config.width, config.hidden),
    }


CODES = ("codes4", "codes8", "row_kind", "row_index", "scales")
"""Operands of a quantised matrix, in the order of ``quantized_matmul``."""
COMPENSATION = {
    "none": (),
    "residual": ("residual_codes", "residual_scales"),
    "nearest": ("nearest", "nearest_weight"),
}
"""Those that make up for errors."""


def codes(rows: int, columns: int, width: float, group: int, compensation: str) -> Dict[str, Declared]:
    """The operands of a quantised matrix."""
    if columns % group:
        raise Error(f"expected group to divide the {columns} columns of a matrix, but got {group}")
    wide = wide_rows(width, rows)
    halves, scales = (columns + 1) // 2, Declared("f32", (rows, columns // group))
    known = {
        "codes4": Declared("ui8", (rows - wide, halves)),
        "codes8": Declared("i8", (wide, columns)),
        "row_kind": Declared("bool", (rows,)),
        "row_index": Declared("i32", (rows,)),
        "scales": scales,
        "residual_codes": Declared("ui8", (rows, halves)),
        "residual_scales": scales,
        "nearest": Declared("i32", (rows,)),
        "nearest_weight": Declared("f32", (rows,)),
    }
    return {name: known[name] for name in (*CODES, *COMPENSATION[compensation])}


def declare(config: Config, format: Format) -> Dict[str, Declared]:
    """All arrays of a model; those of layers are stacked, the layer first."""
    declared: Dict[str, Declared] = {}
    if isinstance(format.table, str):
        declared["table"] = Declared(format.table, (config.vocabulary, config.width))
    else:
        operands = codes(config.vocabulary, config.width, format.table, format.group, format.compensation)
        declared.update({f"table_{name}": operand for name, operand in operands.items()})
    sizes = matrix_sizes(config)
    for name in body(format):
        outputs, inputs = sizes[name]
        if isinstance(format.body, str):
            declared[name] = Declared(format.body, (config.layers, inputs, outputs))
            continue
        for operand, (element, shape) in codes(outputs, inputs, format.body, format.group, "none").items():
            declared[f"{name}_{operand}"] = Declared(element, (config.layers, *shape))
    for name in NORMS:
        size = config.head_size if name in ("query_norm", "key_norm") else config.width
        declared[name] = Declared("f32", (config.layers, size))
    declared["final_norm"] = Declared("f32", (config.width,))
    return declared
