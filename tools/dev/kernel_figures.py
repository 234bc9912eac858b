#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tables of what effattn-compile --report says of the kernels of hot ops, for docs/gpu.md.

    tools/dev/kernel_figures.py                      print them
    tools/dev/kernel_figures.py --write docs/gpu.md  put them between the page's markers

Needs ptxas and, for counts of machine code, nvdisasm. EFFATTN_BUILD_DIR names the build tree.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import effattn
from effattn import ops

GPUS = ("sm_80", "sm_90")
TABLES = ("kernel", "main loop", "clocks of an iteration")
BEGIN, END = "<!-- kernels: begin -->", "<!-- kernels: end -->"


def attend(element, width, heads=8, groups=8, queries="T", mask=None):
    inputs = {
        "q": f"{element}[B, {heads}, {queries}, {width}]",
        "k": f"{element}[B, {groups}, S, {width}]",
        "v": f"{element}[B, {groups}, S, {width}]",
    }
    if mask == "separator":
        inputs["ends"] = "bool[B, S]"

    def body(q, k, v, ends=None):
        made = {
            None: lambda: None,
            "causal": ops.causal_mask,
            "separator": lambda: ops.separator_mask(ends, initial=4, window=256),
        }[mask]()
        return ops.attention(q, k, v, mask=made)

    return inputs, body


def attend_to_streams(q, k, content, roles, relative_keys, relative_values):
    return ops.systematic_attention(
        q, k, content, roles,
        relative_keys=relative_keys, relative_values=relative_values, mask=ops.causal_mask(),
    )  # fmt: skip


def matmul(element):
    return {"x": f"{element}[M, K]", "y": f"{element}[K, N]"}, lambda x, y: x @ y


def quantized(tokens):
    inputs = {
        "x": f"f32[{tokens}, 640]",
        "codes4": "i8[V4, 320]",
        "codes8": "i8[V8, 640]",
        "kind": "bool[V]",
        "index": "i32[V]",
        "scales": "f16[V, 20]",
    }
    return inputs, lambda *operands: ops.quantized_matmul(*operands, activation="i8")


STATE = {
    "keys": "bf16[B, 8, N, 128]",
    "values": "bf16[B, 8, N, 128]",
    "flags": "bool[B, N]",
    "length": "i64[B]",
    "separator_end": "i64[B]",
}


def attend_to_cache(q, *state):
    return ops.cache_attention(q, state)


def update_cache(q, k, v, is_separator, *state):
    following, out = ops.separator_cache_update(
        state, k, v, is_separator, q=q, initial=4, separators=64, window=256, capacity=400, when="after_attention"
    )
    return (*following, out)


# What the tables show: a title, and the function's inputs and body. Those of tf32 are compiled with --gpu-tf32.
CASES = {
    "attention, f16, D 64": attend("f16", 64),
    "attention, f16, D 128": attend("f16", 128),
    "attention, bf16, D 128, causal": attend("bf16", 128, mask="causal"),
    "attention, bf16, D 64, separators": attend("bf16", 64, mask="separator"),
    "attention, f32, D 64": attend("f32", 64),
    "attention, tf32, D 64": attend("f32", 64),
    "attention, tf32, D 128, causal": attend("f32", 128, mask="causal"),
    "one query, bf16, D 128": attend("bf16", 128, queries=1),
    "one query, one key head of 8, bf16, D 64": attend("bf16", 64, groups=1, queries=1),
    "systematic_attention, bf16, D 64, causal": (
        {
            "q": "bf16[B, 8, T, 64]",
            "k": "bf16[B, 8, S, 64]",
            "content": "bf16[B, 8, S, 64]",
            "roles": "bf16[B, 8, S, 64]",
            "relative_keys": "bf16[33, 64]",
            "relative_values": "bf16[33, 64]",
        },
        attend_to_streams,
    ),
    "top_k, 256 of a row": ({"x": "f32[B, V]"}, lambda x: ops.top_k(x, k=256)),
    "product, bf16": matmul("bf16"),
    "product, f16": matmul("f16"),
    "product, f32": matmul("f32"),
    "product, tf32": matmul("f32"),
    "gated_ffn, bf16": (
        {"x": "bf16[T, 640]", "gate": "bf16[640, 2048]", "up": "bf16[640, 2048]", "down": "bf16[2048, 640]"},
        ops.gated_ffn,
    ),
    "quantized_matmul, one row": quantized(1),
    "quantized_matmul, many rows": quantized("T"),
    "product_softmax_top_k": (
        {"z": "f32[B, H, T, 2, 64]"},
        lambda z: ops.product_softmax_top_k(z, k=8),
    ),
    "address_memory": (
        {
            "write_weights": "f32[B, T, 8]",
            "write_indices": "i32[B, T, 8]",
            "values": "f32[B, T, 64]",
            "read_weights": "f32[B, T, 8]",
            "read_indices": "i32[B, T, 8]",
            "memory": "f32[B, M, 64]",
            "mass": "f32[B, M]",
        },
        ops.address_memory,
    ),
    "chunk": ({"h": "bf16[B, T, 640]", "mask": "bool[B, T]"}, lambda h, mask: ops.chunk(h, mask)),
    "dechunk": (
        {"y": "bf16[B, N, 640]", "p": "f32[B, T]", "mask": "bool[B, T]"},
        lambda y, p, mask: ops.dechunk(y, p, mask),
    ),
    "cache_attention, one query, bf16, D 128": ({"q": "bf16[B, 8, 1, 128]", **STATE}, attend_to_cache),
    "separator_cache_update, bf16, D 128": (
        {
            "q": "bf16[B, 8, T, 128]",
            "k": "bf16[B, 8, T, 128]",
            "v": "bf16[B, 8, T, 128]",
            "is_separator": "bool[B, T]",
            **STATE,
        },
        update_cache,
    ),
    "rotary_embedding": (
        {"x": "bf16[B, H, T, 128]", "positions": "i64[B, T]"},
        lambda x, positions: ops.rotary_embedding(x, positions),
    ),
    "vector_quantize": (
        {"x": "bf16[T, 256]", "codebook": "f32[256, 256]"},
        lambda x, codebook: ops.vector_quantize(x, codebook, groups=4),
    ),
    "moe_route, bf16": (
        {"x": "bf16[T, 640]", "w": "bf16[640, 64]"},
        lambda x, w: ops.moe_route(x, w, k=2),
    ),
    "moe_ffn, bf16": (
        {
            "x": "bf16[T, 640]",
            "gates": "f32[T, 2]",
            "experts": "i32[T, 2]",
            "gate": "bf16[8, 640, 320]",
            "up": "bf16[8, 640, 320]",
            "down": "bf16[8, 320, 640]",
        },
        ops.moe_ffn,
    ),
    "embedding, bf16": ({"ids": "i32[T]", "table": "bf16[V, 640]"}, ops.embedding),
    "quantized_embedding": (
        {
            "ids": "i32[T]",
            "codes4": "i8[V4, 320]",
            "codes8": "i8[V8, 640]",
            "kind": "bool[V]",
            "index": "i32[V]",
            "scales": "f16[V, 20]",
        },
        ops.quantized_embedding,
    ),
    "lora_embedding": (
        {"ids": "i32[T]", "table": "f32[V, 512]", "a": "f32[3, V, 4]", "b": "f32[3, 4, 512]"},
        ops.lora_embedding,
    ),
    "tensor_train_embedding": (
        {"ids": "i32[T]", "first": "f32[1, 32, 8, 16]", "second": "f32[16, 40, 8, 16]", "third": "f32[16, 40, 12, 1]"},
        ops.tensor_train_embedding,
    ),
    "rms_norm": ({"x": "bf16[T, 640]", "weight": "f32[640]"}, ops.rms_norm),
}


def text_of(inputs, body) -> str:
    module = effattn.Module()
    function = module.function("f")
    results = body(*(function.input(name, kind) for name, kind in inputs.items()))
    for value in results if isinstance(results, tuple) else (results,):
        function.output(value)
    return str(module)


def report(text: str, gpu: str, flags: list) -> dict:
    """What --report says of every kernel: by table, or by GPU in the last one, columns by their names."""
    compiler = pathlib.Path(os.environ.get("EFFATTN_BUILD_DIR", "build")) / "bin" / "effattn-compile"
    with tempfile.TemporaryDirectory() as folder:
        command = [str(compiler), "-", "--target=nvptx", f"--gpu={gpu}", *flags, "--report", "-o", f"{folder}/f.cubin"]
        done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    kernels, table, columns = {}, None, []
    for line in done.stderr.splitlines():
        title = next((t for t in TABLES if line.startswith(t + " ")), None)
        if title:
            table, columns = title, line[len(title) :].split()
        elif table:
            name, *values = line.split()
            row = dict(zip(columns, values))
            kernels.setdefault(name, {})[row.get("GPU", table)] = row
    return kernels


HEADER = (
    "| kernel | registers | spilled | shared bytes | threads | blocks | main loop | mma | ldmatrix | cp.async "
    "| A100 is bound by | H100 is bound by |"
)


def bound(row: dict | None) -> str:
    """The unit, and the clocks that the two busiest take."""
    if not row:
        return "-"
    clocks = {unit: int(row[unit]) for unit in ("issue", "tensor", "arithmetic", "special", "memory")}
    (first, most), (second, next_most) = sorted(clocks.items(), key=lambda item: -item[1])[:2]
    return f"{first} {most}, {second} {next_most}"


def both(values) -> str:
    """What is alike on all GPUs once."""
    found = [str(value) for value in values]
    return found[0] if len(set(found)) == 1 else " / ".join(found)


def cells(kernels) -> list:
    """Of one kernel on every GPU."""
    resources, loops = ([kernel[table] for kernel in kernels] for table in ("kernel", "main loop"))
    return [
        *(both(row[key] for row in resources) for key in ("registers", "spilled")),
        both(int(row["shared"]) + int(row["dynamic"]) for row in resources),
        *(both(row[key] for row in resources) for key in ("threads", "blocks")),
        *(both(row[key] for row in loops) for key in ("instructions", "mma", "ldmatrix", "cp.async")),
        *(bound(kernel.get(name)) for kernel, name in zip(kernels, ("A100", "H100"))),
    ]


def check_counts(kernels) -> None:
    if any(kernel["main loop"]["in"] != "SASS" for kernel in kernels.values()):
        sys.exit("nvdisasm, which lists machine code, was not found: put it on the PATH (it is part of CUDA, and of "
                 "the Python package nvidia-cuda-nvdisasm)")


def rows(title: str, inputs, body):
    text, flags = text_of(inputs, body), ["--gpu-tf32"] if "tf32" in title else []
    reports = [report(text, gpu, flags) for gpu in GPUS]
    for kernels in reports:
        check_counts(kernels)
    found = []
    for name in reports[0]:
        stem = name.removeprefix("f_").rsplit("_", 1)[0]
        # Kernels without a name of their own are loops that nobody has built.
        if stem.isdigit() or stem in ("f", "check"):
            continue
        row = "| " + " | ".join([f"{title}: {stem}", *cells([kernels[name] for kernels in reports])]) + " |"
        if row not in found:
            found.append(row)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=pathlib.Path, metavar="PAGE", help="replace what is between the page's markers")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose title contains this")
    options = parser.parse_args()
    lines = [HEADER, "|" + " --- |" * (HEADER.count("|") - 1)]
    for title, case in CASES.items():
        if options.only in title:
            lines += rows(title, *case)
    table = "\n".join(lines)
    if not options.write:
        print(table)
        return
    page = options.write.read_text()
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    options.write.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")


if __name__ == "__main__":
    main()
