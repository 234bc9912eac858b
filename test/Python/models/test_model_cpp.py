# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The C++ example generates what Python does, from the same file of weights."""

import json
import pathlib
import shutil
import subprocess

import pytest
from compiler import needs_compiler
from tiny_model import CONFIG

from effattn.models.attention import Attention
from effattn.models.formats import Format
from effattn.models.generation import Generation, Sampler
from effattn.models.graph import Design, build
from effattn.models.store import Store
from effattn.models.tokenizer import Tokenizer
from effattn.models.weights import open_weights
from effattn.tools import tool

EXAMPLES = pathlib.Path(__file__).parents[3] / "docs" / "examples" / "cpp"
COMPILER = shutil.which("c++")
CONTEXT, COUNT = 40, 9
PROMPT = [2, 270, 290, 7, 281]

pytestmark = [needs_compiler, pytest.mark.skipif(COMPILER is None, reason="needs c++")]


def compile_program(folder, name, *more):
    flags = ["-std=c++17", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I."]
    files = [EXAMPLES / "generate.cpp", "model.o", *more, "-lm", "-o", name]
    subprocess.run([COMPILER, *flags, *files], cwd=folder, check=True)


@pytest.fixture(scope="module", params=[("full", Format("bf16", "f32")), ("streaming", Format(6, 5.2, group=8))])
def model(request, tiny_gguf, tmp_path_factory):
    """The program, the weights, and what Python makes of them."""
    kind, format = request.param
    folder = tmp_path_factory.mktemp("cpp")
    store, path = Store(folder), folder / "tiny.weights"
    weights = store.weights(str(tiny_gguf), format, path)
    # A cache that is bounded has as many entries as the text has tokens here.
    attention = Attention(kind, initial=2, window=20, slack=CONTEXT - 23)
    design = Design(CONFIG, format, attention, top_k=3)
    (folder / "model.mlir").write_text(str(build(design)))
    options = ["-O", "0", "--threads=none"]
    subprocess.run([tool("effattn-compile"), "model.mlir", "-o", "model.o", *options], cwd=folder, check=True)
    compile_program(folder, "generate")
    session = store.model(design, weights, ("prefill", "decode")).start(context=CONTEXT)
    return folder / "generate", path, session


def run(*words):
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_it_generates_what_python_does(model):
    program, path, session = model
    session.forget()
    session.prefill(PROMPT[:-1])
    expected = PROMPT[-1:]
    for _ in range(COUNT):
        expected.append(int(session.decode(expected[-1:])[1][0, 0]))
    assert run(program, path, CONTEXT, COUNT, *PROMPT) == (0, " ".join(map(str, expected[1:])) + "\n", "")


def test_text_in_and_out(model):
    program, path, session = model
    includes = subprocess.run([COMPILER, "-fsyntax-only", "-xc++", "-"], input="#include <sentencepiece_processor.h>",
                              capture_output=True, text=True)  # fmt: skip
    if includes.returncode:
        pytest.skip("needs libsentencepiece-dev")
    compile_program(program.parent, "generate_text", "-DWITH_SENTENCEPIECE", "-lsentencepiece")
    tokenizer = Tokenizer(open_weights(path).tokenizer)
    for prompt in ("the inner one", "", "w\u00fc. he"):
        session.forget()
        expected = "".join(Generation(session, tokenizer, prompt, Sampler(temperature=0.0), COUNT))
        status, text, error = run(program.parent / "generate_text", path, CONTEXT, COUNT, prompt)
        assert (status, text, error) == (0, expected + "\n", "")


def test_what_it_refuses(model, tmp_path):
    program, path, _ = model
    assert run(program)[0] == 2
    assert run(program, "none", CONTEXT, 1, 2) == (1, "", "generate: cannot read none\n")
    broken = tmp_path / "broken"
    broken.write_bytes(b"effattn weights")
    assert "to be a file of weights" in run(program, broken, CONTEXT, 1, 2)[2]
    broken.write_bytes(path.read_bytes()[:-64])
    assert run(program, broken, CONTEXT, 1, 2) == (1, "", f"generate: expected {broken} to be whole\n")
    content, front = path.read_bytes(), len(b"effattn weights\n") + 8
    broken.write_bytes(content[:front] + b"?" + content[front + 1 :])
    assert f"expected {broken} to be a file of weights: " in run(program, broken, CONTEXT, 1, 2)[2]
    # The first array is said to lie where the file is at its end.
    length = int.from_bytes(content[front - 4 : front], "little")
    about = json.loads(content[front : front + length])
    name = next(iter(about["arrays"]))
    for place, value in ((2, about["bytes"]), (2, 2**63), (1, [2**62, 4]), (1, [-1])):
        array = list(about["arrays"][name])
        array[place] = value
        header = json.dumps({**about, "arrays": {**about["arrays"], name: array}}).encode()
        size = len(header).to_bytes(4, "little")
        broken.write_bytes(content[: front - 4] + size + header + content[front + length :])
        assert run(program, broken, CONTEXT, 1, 2) == (1, "", f"generate: expected {broken} to hold all of {name}\n")
    for nothing in (tmp_path, tmp_path / "empty"):
        (tmp_path / "empty").write_bytes(b"")
        error = f"generate: expected {nothing} to be a file of weights\n"
        assert run(program, nothing, CONTEXT, 1, 2) == (1, "", error)
    for words, what, least in (
        (("0", "1", "2"), "CONTEXT", 1),
        (("much", "1", "2"), "CONTEXT", 1),
        (("9x", "1", "2"), "CONTEXT", 1),
        (("9" * 30, "1", "2"), "CONTEXT", 1),
        (("9", "-1", "2"), "COUNT", 0),
        (("9", "1", "-2"), "an id", 0),
        (("9", "1", "nan"), "an id", 0),
    ):
        status, text, error = run(program, path, *words)
        found = f"generate: expected {what} to be an integer from {least} to 1073741824, but got '"
        assert (status, text) == (1, "") and error.startswith(found)
    status, _, error = run(program, path, CONTEXT, 1, CONFIG.vocabulary)
    assert status == 1 and error.startswith("generate: decode: ")
