# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The part of the demo with effattn-tiny: compiled, writing, measured, and looked into."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any, Dict, List

import numpy as np

import effattn
from effattn import plot, reference
from effattn.models.generation import Sampler
from effattn.models.tiny import bench
from effattn.models.tiny.files import load_weights, steps_for
from effattn.models.tiny.session import COMPILER_OPTIONS, TinyModel, Writing
from pictures import draw_mask
from toolbox import Step, find_cc, run

PROMPT = b"It was late in the evening when the old man came down to the sea, and "
SEED, TEMPERATURE = 0, 0.6
TOKENS, QUICK_TOKENS = 400, 40
# Bytes in the pictures.
TRACED, MASKED, CHUNKED = 64, 400, 400


def compile_model(demo: Any, weights: Path) -> TinyModel:
    """An object for programs in C, which a linker makes a library of for this one."""
    demo.out.mkdir(parents=True, exist_ok=True)
    # What is wrong with them is said before anything is compiled.
    arrays = load_weights(weights)
    steps = steps_for(arrays)
    program, path, library = (demo.out / f"tiny.{suffix}" for suffix in ("mlir", "o", "so"))
    program.write_text(str(steps))
    run([demo.bin / "effattn-compile", program, *COMPILER_OPTIONS, "-o", path])
    run([find_cc(), "-shared", path, "-lm", "-o", library])
    model = TinyModel(effattn.load(library), arrays, steps)
    numbers = sum(array.size for array in model.weights.arrays.values())
    size = path.stat().st_size / 1024
    demo.say(
        "effattn-tiny",
        f"{numbers / 1e6:.2f} million parameters, {program.stat().st_size / 1024:.0f} KiB of IR, "
        f"tiny.o {size:.0f} KiB",
        "prefill takes bytes of a text, decode one byte; what they remember goes in and out",
    )
    return model


def write(demo: Any, model: TinyModel, tokens: int) -> Writing:
    """Go on with a prompt, byte by byte."""
    text = Writing(model.start(), PROMPT, Sampler(TEMPERATURE, SEED), tokens)
    print(f"\n{PROMPT.decode()}", end="", flush=True)
    for piece in text:
        print(piece, end="", flush=True)
    print("\n")
    reading = text.reading
    concepts = int(reading.boundaries.sum())
    demo.say(
        "text",
        f"{tokens} bytes behind a prompt of {len(PROMPT)}, {tokens / text.seconds:,.0f} a second",
        f"concepts: {concepts}, of {len(reading.boundaries) / concepts:.1f} bytes in the mean",
    )
    return text


def measure(demo: Any, model: TinyModel, quick: bool) -> None:
    """Bytes a second of the compiled model and of PyTorch in turns, and what is remembered."""
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed: the comparison with it is left out")
    sizes = {"prompt": 128, "tokens": 16, "rounds": 1, "eager_tokens": 2} if quick else {}
    with Step("  effattn-tiny and the same in PyTorch, in turns"):
        report = bench.measure(model, **sizes)
    demo.say("speed", *bench.lines(report))


def labels(text: bytes) -> List[str]:
    """A character for each byte."""
    return [chr(byte) if byte < 128 else "\ufffd" for byte in text]


def draw(demo: Any, model: TinyModel, text: Writing) -> Dict[Path, str]:
    """Where concepts begin, which slots bytes use, which bytes are seen."""
    reading, config = text.reading, model.weights.config
    written = bytes(text.text[: len(reading.boundaries)])
    characters, pictures = labels(written), {}

    path = demo.out / "tiny_concepts.png"
    first = slice(0, CHUNKED)
    plot.chunk_boundaries(
        characters[first], reading.boundaries[first], path, width=80, title="effattn-tiny"
    )
    pictures[path] = "where effattn-tiny lets concepts begin in what it wrote"

    path, first = demo.out / "tiny_memory.png", slice(0, TRACED)
    plot.access_trace(
        reading.written[first],
        reading.read[first],
        config["base"] ** config["digits"],
        path,
        tokens=characters[first],
        title="slots of the memory of effattn-tiny",
    )
    pictures[path] = "which slots of its memory each byte writes and reads"

    path, first = demo.out / "tiny_mask.png", slice(0, MASKED)
    flags = model.weights.separators[np.frombuffer(written[first], np.uint8)]
    layout = {"initial": config["initial"], "window": config["window"]}
    title = f"what layers of effattn-tiny attend to, first {len(flags)} bytes"
    draw_mask(path, flags, **layout, title=title)
    mask = reference.separator_mask(flags[None], **layout)
    kept = reference.materialize_mask(mask, batch=1, queries=len(flags), keys=len(flags)).sum()
    share = kept / (len(flags) * (len(flags) + 1) / 2)
    demo.say("mask", f"over {len(flags)} bytes, {share:.0%} of the earlier ones are attended to")
    pictures[path] = "which bytes its layers with separators attend to"
    return pictures


def demonstrate(demo: Any, weights: Path, quick: bool) -> Dict[Path, str]:
    """All of it; gives the pictures."""
    model = compile_model(demo, weights)
    text = write(demo, model, QUICK_TOKENS if quick else TOKENS)
    measure(demo, model, quick)
    reading = text.reading
    print("\nThe same text in concepts")
    characters = labels(bytes(text.text[: len(reading.boundaries)]))
    print(plot.chunk_boundaries_text(characters, reading.boundaries, colours=sys.stdout.isatty()))
    with Step("  pictures"):
        return draw(demo, model, text)
