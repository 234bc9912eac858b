# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Colours for IR: a lexer of Pygments, which has none for MLIR."""

from pygments.lexer import RegexLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Text


__all__ = ["MlirLexer"]  # read by Pygments


class MlirLexer(RegexLexer):
    name = "MLIR"
    aliases = ["mlir"]
    filenames = ["*.mlir"]
    url = "https://mlir.llvm.org/docs/LangRef/"

    tokens = {
        "root": [
            (r"\s+", Text),
            (r"//.*", Comment.Single),
            (r'"(?:\\.|[^"\\])*"', String),
            (r"%[\w$.-]+(?::\d+|#\d+)?", Name.Variable),
            (r"@(?:[\w$.-]+|\"[^\"]*\")", Name.Function),
            (r"\^\w+", Name.Label),
            (r"![\w$.]+", Keyword.Type),
            (r"#[\w$.]+", Name.Decorator),
            # The sizes of a shape are part of its type: tensor<1x?x64xf32>.
            (r"(?:(?:\d+|\?)x)+(?=[a-z!])", Keyword.Type),
            (r"(?:tensor|memref|vector|index|none|complex|tuple|[bft]?f\d+|bf16|[su]?i\d+)\b", Keyword.Type),
            (r"[a-z_]\w*(?:\.\w+)+", Name.Builtin),
            (r"0x[0-9A-Fa-f]+", Number.Hex),
            (r"-?\d+\.\d*(?:[eE][-+]?\d+)?", Number.Float),
            (r"-?\d+", Number.Integer),
            (r"->|[=:*+-]", Operator),
            (r"true\b|false\b|unit\b|dense\b|affine_map\b", Keyword.Constant),
            (r"[A-Za-z_]\w*", Keyword),
            (r".", Punctuation),
        ]
    }
