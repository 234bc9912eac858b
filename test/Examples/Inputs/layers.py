"""Write small inputs for docs/examples/c, or compare its results with NumPy.

    layers.py write FOLDER [--text=TEXT] [--id=NUMBER] [--cut]
    layers.py compare FOLDER
"""

import argparse
import pathlib

import numpy as np
import text as texts
from effattn import reference

PROSE = """It was early. The birds sang; nobody listened! Who would, at that hour?
Not the baker, who had been up since two: his bread does not wait. Not the cat.
"""


def write(folder, options):
    text = texts.split(folder, options.text or PROSE * 4)
    inputs = texts.attention_inputs(
        text, texts.word_vectors(text), text.ids, heads=4, key_heads=2, size=8
    )
    if options.id is not None:
        inputs["ids"][0, 5] = options.id
    if options.cut:
        inputs["v"] = inputs["v"][:, :, 1:]
    for name, array in inputs.items():
        np.save(folder / f"{name}.npy", array)


def compare(folder):
    files = {path.stem: np.load(path) for path in folder.glob("*.npy")}
    flags = reference.separator_positions(files["ids"], bitmap=files["separators"])
    assert np.array_equal(files["is_separator"], flags)
    operands = files["q"], files["k"], files["v"]
    masks = {
        "separator_out": reference.separator_mask(flags, initial=4, window=64),
        "causal_out": reference.causal_mask(),
    }
    tokens = flags.shape[1]
    for name, mask in masks.items():
        error = np.abs(files[name] - reference.attention(*operands, mask=mask)).max()
        # Sums of some dozens of terms of size 1 in f32.
        assert error < 1e-5, f"{name}: {error}"
    assert tokens < 68 or np.abs(files["separator_out"] - files["causal_out"]).max() > 1e-3
    print(f"{tokens} tokens agree, {flags.sum()} separators")


parser = argparse.ArgumentParser()
parser.add_argument("action", choices=["write", "compare"])
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--text")
parser.add_argument("--id", type=int)
parser.add_argument("--cut", action="store_true")
options = parser.parse_args()
if options.action == "write":
    write(options.folder, options)
else:
    compare(options.folder)
