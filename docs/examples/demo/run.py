# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Shows what effattn does: ./build.sh demo [TEXT].

First a language model with all five systems, effattn-tiny: it is compiled, goes on with a text, is measured
beside PyTorch, and drawn. Then layers over a text of yours: compiled ahead of time, called from a C program,
compared with the NumPy reference, and drawn. Everything is written to build/demo/.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np

import text as texts
import tiny_model
from effattn import Error, plot, reference
from effattn.models.tiny.files import WEIGHTS
from pictures import draw_mask
from text import Text
from toolbox import Step, find_cc, openmp_flags, run, show, undefined_symbols

EXAMPLES = Path(__file__).resolve().parents[1]
DEFAULT_TEXTS = (Path("/usr/share/common-licenses/GPL-3"), EXAMPLES.parents[1] / "LICENSE")

# As in separator_attention.mlir.
INITIAL, WINDOW = 4, 64
HEADS, KEY_HEADS, SIZE = 4, 2, 32
# The time of the causal layer grows with the square of the tokens.
MOST_TIMED_TOKENS = 8192
LONG, QUICK_LONG = 65536, 4096
# Query rows of each block that is compared with the reference, which takes its time.
CHECKED_ROWS = 64
TOLERANCE = 1e-4
# Tokens in the pictures, values of an address digit.
PICTURED, BASE = 64, 8

Arrays = Dict[str, np.ndarray]


class Demo:
    """The tools and folders of a run, and the lines of its report."""

    def __init__(self, text: Text, build: Path, out: Path, quick: bool):
        self.text, self.bin, self.out = text, build / "bin", out
        self.rounds, self.long = (1, QUICK_LONG) if quick else (5, LONG)
        self.vectors = texts.word_vectors(text)
        self.report: List[Tuple[str, str]] = []

    def say(self, about: str, *lines: str) -> None:
        self.report.append((about, lines[0]))
        self.report.extend(("", line) for line in lines[1:])

    def folder(self, name: str, arrays: Arrays) -> Path:
        """A folder of arrays as .npy files."""
        folder = self.out / name
        folder.mkdir(parents=True, exist_ok=True)
        for array_name, array in arrays.items():
            np.save(folder / f"{array_name}.npy", array)
        return folder

    def run_model(self, name: str, inputs: Arrays, outputs: List[str]) -> Arrays:
        """Compile a model in memory and run it on files."""
        folder = self.folder(name, inputs)
        command = [self.bin / "effattn-run", EXAMPLES / f"{name}.mlir"]
        command += [f"--input={array}.npy" for array in inputs]
        command += [f"--output={array}.npy" for array in outputs]
        run(command, folder=folder)
        return {array: np.load(folder / f"{array}.npy") for array in outputs}

    def agreement(self, what: str, error: float) -> str:
        if not error <= TOLERANCE:
            raise Error(f"{what}: {error:.1e} away from the reference, and {TOLERANCE:.0e} is allowed")
        return f"{what}: largest error {error:.1e}"


@dataclass
class Program:
    """The C program, and what it consists of."""

    path: Path
    objects: List[Path]
    cc: str
    openmp: List[str]


# --- Attention ---------------------------------------------------------------


def build_program(demo: Demo) -> Program:
    cc = find_cc()
    openmp = openmp_flags(cc)
    demo.out.mkdir(parents=True, exist_ok=True)
    objects = [demo.out / f"{name}.o" for name in ("separator_attention", "causal_attention")]
    for path in objects:
        run([demo.bin / "effattn-compile", EXAMPLES / f"{path.stem}.mlir", "-o", path])
    program = demo.out / "compare_layers"
    sources = [EXAMPLES / "c" / "compare_layers.c", EXAMPLES / "c" / "tensor.c"]
    flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"]
    run([cc, *flags, "-I", demo.out, *sources, *objects, *openmp, "-lm", "-o", program])
    return Program(program, objects, cc, openmp)


def describe_objects(demo: Demo, program: Program) -> None:
    sizes = [f"{path.name} {path.stat().st_size / 1024:.0f} KiB" for path in program.objects]
    demo.say("objects", ", ".join(sizes))
    symbols = undefined_symbols(program.objects, program.cc, program.openmp)
    counts = [f"{len(names)} of {library}" for library, names in symbols.items() if library != "other"]
    if symbols["other"]:
        raise Error("the objects need more than libc, libm and libomp: " + ", ".join(symbols["other"]))
    demo.say("", f"undefined symbols: {', '.join(counts)}; no other")


def number(pattern: str, printed: str) -> float:
    match = re.search(pattern, printed)
    if not match:
        raise Error(f"the C program printed no line like {pattern!r}, but:\n{printed}")
    return float(match[1])


def kept_keys(is_separator: np.ndarray) -> np.ndarray:
    """How many keys each query of the separator layer keeps."""
    keys = np.arange(len(is_separator))
    far = np.concatenate([[0], np.cumsum(is_separator | (keys < INITIAL))])
    return np.minimum(keys + 1, WINDOW) + far[np.maximum(keys + 1 - WINDOW, 0)]


def row_blocks(tokens: int) -> List[slice]:
    """The first, middle and last rows; all of them when there are few."""
    if tokens <= 3 * CHECKED_ROWS:
        return [slice(0, tokens)]
    middle = (tokens - CHECKED_ROWS) // 2
    return [slice(start, start + CHECKED_ROWS) for start in (0, middle, tokens - CHECKED_ROWS)]


def largest_error(inputs: Arrays, out: np.ndarray, mask: reference.Mask, rows: List[slice]) -> float:
    errors = []
    for block in rows:
        wanted = reference.attention(
            inputs["q"][:, :, block], inputs["k"], inputs["v"], mask=mask, offset=block.start
        )
        errors.append(np.abs(out[:, :, block] - wanted).max())
    return max(errors)


def compare_layers(demo: Demo, program: Program) -> np.ndarray:
    """Run both layers over the text; gives the separators that the layer found."""
    ids = demo.text.ids[:MOST_TIMED_TOKENS]
    inputs = texts.attention_inputs(
        demo.text, demo.vectors, ids, heads=HEADS, key_heads=KEY_HEADS, size=SIZE
    )
    folder = demo.folder("text", inputs)
    printed = run([program.path, folder, f"--rounds={demo.rounds}"])
    out, causal_out, flags = (
        np.load(folder / f"{name}.npy") for name in ("separator_out", "causal_out", "is_separator")
    )

    tokens, kept, causal = len(ids), kept_keys(flags[0]), np.arange(len(ids)) + 1
    if tokens < len(demo.text.ids):
        demo.say("layers", f"over the first {tokens:,} of {len(demo.text.ids):,} tokens")
    demo.say("separators", f"{flags.sum():,} of {tokens:,} tokens, found by the layer from their ids")
    demo.say(
        "kept keys",
        f"a query keeps {kept.mean():,.1f} keys in the mean, the last one {kept[-1]:,}",
        f"with the causal mask {causal.mean():,.1f} and {causal[-1]:,}: "
        f"{causal.sum() / kept.sum():.1f} times as many",
    )

    rows = row_blocks(tokens)
    with Step("  the same in NumPy"):
        separator_mask = reference.separator_mask(flags, initial=INITIAL, window=WINDOW)
        error = largest_error(inputs, out, separator_mask, rows)
        causal_error = largest_error(inputs, causal_out, reference.causal_mask(), rows)
    checked = sum(block.stop - block.start for block in rows)
    which = "all rows" if checked == tokens else f"{checked} of {tokens:,} rows (first, middle, last)"
    demo.say(
        "agreement",
        f"with NumPy in float64 within {TOLERANCE:.0e}, {which} of {HEADS} heads",
        demo.agreement("separator layer", error) + "; " + demo.agreement("causal layer", causal_error),
    )

    seconds, causal_seconds = (
        number(rf"{layer}_attention: median ([\d.]+) s", printed) for layer in ("separator", "causal")
    )
    ratio = number(r"causal / separator: median ([\d.]+)", printed)
    demo.say(
        "time",
        f"separator layer {1e3 * seconds:.2f} ms, causal layer {1e3 * causal_seconds:.2f} ms: "
        f"{ratio:.1f} times as long",
        f"median of {demo.rounds}, in turns; {HEADS} heads on {KEY_HEADS} key heads of size {SIZE}",
    )
    return flags[0]


def measure_memory(demo: Demo, program: Program) -> None:
    """The separator layer over more and more keys: memory follows their number, not its square."""
    peaks, long = [], demo.long
    for tokens in (long // 4, long):
        ids = np.resize(demo.text.ids, tokens)
        inputs = texts.attention_inputs(demo.text, demo.vectors, ids, heads=1, key_heads=1, size=SIZE)
        folder = demo.folder(f"{tokens // 1024}k", inputs)
        label = f"  {tokens:,} keys and queries"
        printed = run([program.path, folder, "--separator-only"], step=label)
        peaks.append(number(r"peak memory: ([\d.]+) MiB", printed))
        out = np.load(folder / "separator_out.npy")
        flags = np.load(folder / "is_separator.npy")
        used = (sum(array.nbytes for array in inputs.values()) + out.nbytes + flags.nbytes) / 2**20
    seconds = number(r"separator_attention: ([\d.]+) s", printed)
    which = "the text over and over" if len(demo.text.ids) < long else "the start of the text"
    mask = reference.separator_mask(flags, initial=INITIAL, window=WINDOW)
    error = largest_error(inputs, out, mask, [slice(long - CHECKED_ROWS, long)])
    demo.say(
        "memory",
        f"{which}, {long:,} keys and queries, one head: {seconds:.1f} s",
        f"peak {peaks[1]:.0f} MiB, of which inputs and results {used:.0f} MiB; "
        f"{peaks[0]:.0f} MiB with {long // 4:,} keys",
        f"a written-out mask would take {long * long / 2**20:,.0f} MiB, its scores "
        f"{long * long * 4 / 2**20:,.0f} MiB",
        demo.agreement(f"last {CHECKED_ROWS} rows", error),
    )


# --- Concepts and address memory ---------------------------------------------


def find_concepts(demo: Demo) -> np.ndarray:
    """Cut the text into concepts; gives the boundaries."""
    inputs = texts.concept_inputs(demo.text, demo.vectors)
    outputs = ["out", "p", "boundaries", "concepts", "next_last", "next_average"]
    found = demo.run_model("concepts", inputs, outputs)

    hidden = inputs["h"].astype(np.float64)
    p, _ = reference.boundary_probability(hidden @ inputs["to_query"], hidden @ inputs["to_key"])
    concepts, counts = reference.chunk(hidden, found["boundaries"])
    out, average = reference.dechunk(
        concepts @ inputs["model"], p, found["boundaries"], residual=hidden
    )
    wanted = {"p": p, "concepts": concepts, "out": out, "next_average": average}
    if found["concepts"].shape != concepts.shape:
        raise Error(f"expected concepts of shape {concepts.shape}, but got {found['concepts'].shape}")
    error = max(np.abs(found[name] - array).max() for name, array in wanted.items())
    demo.say(
        "concepts",
        f"concepts found: {counts[0]:,}, of {len(hidden[0]) / counts[0]:.1f} tokens in the mean",
        demo.agreement("all tokens", error),
    )
    return found["boundaries"][0]


def use_memory(demo: Demo) -> Arrays:
    """Write every word under the word before it, and see what reading recalls."""
    inputs = texts.memory_inputs(demo.text, demo.vectors, base=BASE)
    outputs = ["out", "write_indices", "read_indices", "next_memory", "next_mass"]
    found = demo.run_model("address_memory", inputs, outputs)

    def weights(logits: np.ndarray, indices: np.ndarray) -> np.ndarray:
        # The compiled addresses, so that a tie broken by rounding does not count as an error.
        slots = reference.product_softmax(logits.reshape(1, -1, 3, BASE))
        chosen = np.take_along_axis(slots, indices, axis=-1)
        return chosen / chosen.sum(axis=-1, keepdims=True)

    out, memory, mass = reference.address_memory(
        weights(inputs["write_logits"], found["write_indices"]),
        found["write_indices"],
        inputs["values"],
        weights(inputs["read_logits"], found["read_indices"]),
        found["read_indices"],
        inputs["memory"],
        inputs["mass"],
    )
    wanted = {"out": out, "next_memory": memory, "next_mass": mass}
    error = max(np.abs(found[name] - array).max() for name, array in wanted.items())

    recalled, known = recall(demo, found["out"][0])
    words = f"{known:,} words came before"
    if known:
        words += f"; for {recalled / known:.0%} of them the memory recalls what once followed"
    demo.say(
        "address memory",
        f"every token writes and reads 4 of {BASE**3} slots; memory stays at "
        f"{(memory.size + mass.size) * 4 / 1024:.0f} KiB",
        words,
        demo.agreement("all tokens", error),
    )
    return found


def recall(demo: Demo, out: np.ndarray) -> Tuple[int, int]:
    """For how many tokens the nearest word to what was read has followed the token before."""
    nearest = np.concatenate(
        [np.argmax(part @ demo.vectors.T, axis=1) for part in np.array_split(out, 1 + len(out) // 1024)]
    )
    followers: Dict[int, set] = {}
    recalled = known = 0
    ids = demo.text.ids.tolist()
    for t, word in enumerate(ids):
        if word in followers:
            known += 1
            recalled += int(nearest[t]) in followers[word]
        if t + 1 < len(ids):
            followers.setdefault(word, set()).add(ids[t + 1])
    return recalled, known


# --- Pictures ----------------------------------------------------------------


def draw(demo: Demo, is_separator: np.ndarray, boundaries: np.ndarray, memory: Arrays) -> Dict[Path, str]:
    name, first = demo.text.path.name, slice(0, PICTURED)
    pictures = {}

    wide = is_separator[: 6 * PICTURED]
    path = demo.out / "mask.png"
    title = f"separator layer over the first {len(wide)} tokens of {name}"
    draw_mask(path, wide, initial=INITIAL, window=WINDOW, title=title)
    pictures[path] = f"which keys the layer keeps, first {len(wide)} tokens"

    path, words = demo.out / "mask_words.png", demo.text.tokens[first]
    title = f"the same with a window of 8, word by word, {name}"
    draw_mask(path, is_separator[first], initial=INITIAL, window=8, tokens=words, title=title)
    pictures[path] = f"the same over {len(words)} words, with a window of 8 to have it small"

    path = demo.out / "concepts.png"
    few = slice(0, 5 * PICTURED)
    plot.chunk_boundaries(demo.text.spaced[few], boundaries[few], path, width=80, title=name)
    pictures[path] = "where concepts start in the text"

    path = demo.out / "memory.png"
    plot.access_trace(
        memory["write_indices"][0, first],
        memory["read_indices"][0, first],
        BASE**3,
        path,
        tokens=words,
        title=f"slots of the address memory: each word is written under the word before it, {name}",
    )
    pictures[path] = "which slots every word writes and reads"
    return pictures


# --- The whole ---------------------------------------------------------------


def print_report(demo: Demo) -> None:
    print("\nReport")
    for about, line in demo.report:
        print(f"  {about:<15}{line}")
    demo.report.clear()


def print_files(files: Dict[Path, str]) -> None:
    print("\nFiles to look at next")
    for path, about in files.items():
        print(f"  {show(path):<42} {about}")


def show_tiny(demo: Demo, weights: Path, quick: bool) -> Dict[Path, str]:
    """effattn-tiny; gives files to look at."""
    print("A language model of bytes, effattn-tiny, compiled ahead of time")
    pictures = tiny_model.demonstrate(demo, weights, quick)
    print_report(demo)
    return {**pictures, demo.out / "tiny.h": "what a C program sees of effattn-tiny"}


def show_layers(demo: Demo) -> Dict[Path, str]:
    """Layers over the text; gives files to look at."""
    different = len(demo.text.vocabulary)
    about = f"{demo.text.path}: {len(demo.text.ids):,} tokens, {different:,} different words and signs"
    demo.say("text", about)
    print("\nTwo attention layers, compiled ahead of time and called from C")
    program = build_program(demo)
    is_separator = compare_layers(demo, program)
    describe_objects(demo, program)
    print("\nThe separator layer over a long text")
    measure_memory(demo, program)
    print("\nConcepts and address memory, compiled and run in one go")
    boundaries = find_concepts(demo)
    memory = use_memory(demo)
    with Step("  pictures"):
        pictures = draw(demo, is_separator, boundaries, memory)
    print("\nThe text in concepts")
    few = slice(0, 2 * PICTURED)
    print(plot.chunk_boundaries_text(demo.text.spaced[few], boundaries[few]))
    print_report(demo)
    return {
        **pictures,
        demo.out / "separator_attention.h": "what a C program sees of the layer",
        EXAMPLES / "separator_attention.mlir": "the layer",
        EXAMPLES / "c" / "compare_layers.c": "the C program that calls it",
        EXAMPLES / "cpp" / "stream_memory.cpp": "a C++ program with a state updated in place",
        EXAMPLES / "concepts.mlir": "chunking and dechunking",
        EXAMPLES / "address_memory.mlir": "the address memory",
    }


def demonstrate(demo: Demo, parts: str, weights: Path, quick: bool) -> None:
    start = time.perf_counter()
    files: Dict[Path, str] = {}
    if parts != "layers":
        files.update(show_tiny(demo, weights, quick))
    if parts != "tiny":
        files.update(show_layers(demo))
    print_files(files)
    print(f"\nDone in {time.perf_counter() - start:.0f} s; everything is in {show(demo.out)}/")


def main() -> int:
    parser = argparse.ArgumentParser(prog="demo", description="Show what effattn does, on a text.")
    parser.add_argument("text", nargs="?", type=Path, help="a text file; a licence text when absent")
    parser.add_argument("--build-dir", type=Path, default=Path("build"), help="where effattn was built")
    parser.add_argument("--out", type=Path, help="where results go; demo/ of the build folder when absent")
    parser.add_argument("--quick", action="store_true", help="time one round and take fewer keys")
    parser.add_argument(
        "--parts", choices=("all", "tiny", "layers"), default="all", help="what to show (default: all)"
    )
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="of effattn-tiny, a .safetensors file")
    arguments = parser.parse_args()
    text = arguments.text or next(path for path in DEFAULT_TEXTS if path.exists())
    out = arguments.out or arguments.build_dir / "demo"
    # Not every font has the letters of every text; a box stands for those it lacks.
    warnings.filterwarnings("ignore", message="Glyph .* missing from")
    try:
        demo = Demo(texts.read_text(text), arguments.build_dir, out, arguments.quick)
        demonstrate(demo, arguments.parts, arguments.weights, arguments.quick)
    except Error as error:
        sys.stdout.flush()
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        sys.stdout.flush()
        print(f"demo: {error.filename}: {(error.strerror or str(error)).lower()}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
