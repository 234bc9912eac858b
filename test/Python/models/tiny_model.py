# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A model of the architecture gemma3 that is tiny and random, as a file of GGUF.

Tests that import this are skipped where the packages that models need are missing.
"""

import numpy as np
import pytest

from effattn.models.config import Config
from effattn.models.gguf_file import tensor_shapes

gguf = pytest.importorskip("gguf")
pytest.importorskip("sentencepiece")

WORDS = ["he", "th", "the", "in", "er", "\u2581t", "\u2581the", "\u2581a", "an", "\u2581w"]
PLAIN = ["\u2581", *"abcdefghijklmnopqrstuvwxyz", *".,?!;:"]
GIVEN = ["\n", "\n\n", "  ", "\t"]
CONTROL = ["<pad>", "<eos>", "<bos>", "<unk>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
PIECES = [*CONTROL, *GIVEN, *BYTES, *WORDS, *PLAIN]
# As files of Gemma have it, <unk> is a control token.
KINDS = [3, 3, 3, 3, *[4] * len(GIVEN), *[6] * 256, *[1] * (len(WORDS) + len(PLAIN))]
SCORES = [0.0] * (len(CONTROL) + len(GIVEN) + 256) + [-float(i) for i in range(len(WORDS) + len(PLAIN))]

CONFIG = Config(
    vocabulary=len(PIECES),
    width=32,
    layers=4,
    heads=4,
    key_heads=2,
    head_size=16,
    hidden=48,
    context=96,
    window=5,
    full_every=2,
)


def tensors(config=CONFIG, seed=0):
    """Random tensors of about the sizes that trained ones have."""
    rng = np.random.default_rng(seed)

    def draw(shape):
        noise = rng.standard_normal(shape)
        return (1 + 0.2 * noise if len(shape) == 1 else noise / np.sqrt(shape[1])).astype(np.float32)

    return {name: draw(shape) for name, shape in tensor_shapes(config).items()}


def write_gguf(path, config=CONFIG, *, architecture="gemma3", tokenizer="llama", replace=None, without=()):
    """Write the model; ``replace`` has other tensors and ``without`` names those that are left out."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_embedding_length(config.width)
    writer.add_block_count(config.layers)
    writer.add_head_count(config.heads)
    writer.add_head_count_kv(config.key_heads)
    writer.add_key_length(config.head_size)
    writer.add_value_length(config.head_size)
    writer.add_feed_forward_length(config.hidden)
    writer.add_context_length(config.context)
    writer.add_sliding_window(config.window)
    writer.add_uint32(f"{architecture}.attention.sliding_window_pattern", config.full_every)
    writer.add_layer_norm_rms_eps(config.epsilon)
    writer.add_rope_freq_base(config.rope_base)
    writer.add_tokenizer_model(tokenizer)
    writer.add_token_list(PIECES)
    writer.add_token_scores(SCORES)
    writer.add_token_types(KINDS)
    for name, token in (("bos", 2), ("eos", 1), ("unk", 3), ("pad", 0)):
        getattr(writer, f"add_{name}_token_id")(token)
    for name, tensor in {**tensors(config), **(replace or {})}.items():
        if name not in without:
            writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
