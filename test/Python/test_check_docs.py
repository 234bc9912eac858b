# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""tools/dev/check_docs.py on a small tree of its own: what is wrong is found and named."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).parents[2] / "tools" / "dev" / "check_docs.py"
BUILD = os.environ.get("EFFATTN_BUILD_DIR", "")
needs_build = pytest.mark.skipif(not BUILD, reason="needs the tools: set EFFATTN_BUILD_DIR")


@pytest.fixture
def tree(tmp_path):
    """A project folder with the script, into which a test writes its pages."""
    (tmp_path / "tools" / "dev").mkdir(parents=True)
    shutil.copy(SCRIPT, tmp_path / "tools" / "dev")
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("")
    return tmp_path


def check(tree, what):
    """Exit status and messages of a check."""
    done = subprocess.run([sys.executable, tree / "tools" / "dev" / SCRIPT.name, what,
                           "--build", BUILD or tree], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    return done.returncode, done.stdout + done.stderr


def write(tree, name, text):
    path = tree / "docs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_commands_that_print_what_the_page_says(tree):
    write(tree, "page.md", '''
```text title="words.txt"
one
two
```
```console
$ export GREETING=hello; mkdir inner; cd inner
$ echo $GREETING; \\
  cat ../words.txt
hello
...
t...o
$ true
```
```console status=3
$ exit 3
```
''')
    assert check(tree, "commands") == (0, "4 commands checked\n")


def test_other_output_is_named_with_its_line(tree):
    write(tree, "page.md", "```console\n$ printf 'a\\nb\\n'\na\nc\n```\n")
    status, messages = check(tree, "commands")
    assert status == 1
    assert "docs/page.md:4: 'printf 'a\\nb\\n'' was to print\n  c\nbut printed\n  a\n  b" in messages


@pytest.mark.parametrize("command, expected", [("echo a; echo b", "a\n"), ("true", "a\n"),
                                               ("echo a", "")])
def test_more_or_less_output_is_found(tree, command, expected):
    write(tree, "page.md", f"```console\n$ {command}\n{expected}```\n")
    assert check(tree, "commands")[0] == 1


def test_failing_command_is_named(tree):
    write(tree, "page.md", "```console\n$ echo oops; false\noops\n```\n")
    status, messages = check(tree, "commands")
    assert status == 1
    assert "docs/page.md:2: 'echo oops; false' ended with 1 and printed\noops" in messages


def test_page_runs_in_a_copy_of_its_folder(tree):
    write(tree, "page/words.txt", "one\ntwo\nthree\n")
    page = '```text title="words.txt"\n%s\n```\n```console\n$ rm words.txt\n```\n'
    write(tree, "page.md", page % "two\nthree")
    assert check(tree, "commands")[0] == 0
    assert (tree / "docs" / "page" / "words.txt").exists()
    write(tree, "page.md", page % "two\nfour")
    assert "docs/page.md:2: expected an excerpt of words.txt" in check(tree, "commands")[1]


@needs_build
def test_examples_are_parsed_where_they_stand(tree):
    write(tree, "good.md", "```mlir\nfunc.func @f() {\n  return\n}\n```\n")
    assert check(tree, "examples") == (0, "1 examples checked\n")
    write(tree, "bad.md", "1\n\n  ```mlir\n  func.func @f() {\n    retrun\n  }\n  ```\n")
    status, messages = check(tree, "examples")
    assert status == 1
    assert "docs/bad.md:5:3: error: custom op 'retrun' is unknown" in messages


def dialect(tree, description):
    """A dialect of one op."""
    folder = tree / "include" / "effattn" / "Dialect"
    folder.mkdir(parents=True)
    (folder / "EffAttnOps.td").write_text('''
include "mlir/IR/OpBase.td"
def EffAttn_Dialect : Dialect { let name = "effattn"; }
def EffAttn_FooOp : Op<EffAttn_Dialect, "foo"> {
  let summary = "do it";
  let arguments = (ins I64Attr:$count);
  let description = [{%s}];
}
''' % description)


@needs_build
def test_op_without_its_parts(tree):
    dialect(tree, "Does it.")
    status, messages = check(tree, "ops")
    assert status == 1
    where = "include/effattn/Dialect/EffAttnOps.td:4: effattn.foo: expected "
    for wanted in ("at least 10 lines of description, but got 1",
                   "an ```mlir example that contains the op", "a line that begins 'Source:'",
                   "the description to name 'count'",
                   "README.md to name `foo` in its table of ops"):
        assert where + wanted in messages


@needs_build
def test_constraints_in_text_code_and_test(tree):
    dialect(tree, "C1: `count` is positive. C2: and even.")
    (tree / "lib" / "Dialect").mkdir(parents=True)
    (tree / "lib" / "Dialect" / "Foo.cpp").write_text('''
// C1: something.
static LogicalResult helper() {
  return success();
}

LogicalResult FooOp::verify() {
  // C3: not documented.
  return helper();
}
''')
    (tree / "test").mkdir()
    (tree / "test" / "foo.mlir").write_text(
        "func.func @foo_c1_negative() {\n  // expected-error @below {{bad}}\n  effattn.foo\n}\n"
        "// -----\n// C2: no error is expected.\nfunc.func @f() {\n  effattn.foo\n}\n")
    messages = check(tree, "constraints")[1]
    assert "foo: C1" not in messages
    assert "foo: C2 is not in a comment of its verifier or preconditions" in messages
    assert "foo: C2 has no test" in messages
    assert "foo: C3 of the verifier is not in the description" in messages
    assert "foo: C3 has no test" in messages


@needs_build
def test_pass_without_its_example(tree):
    dialect(tree, "Does it.")
    (tree / "include" / "effattn" / "Passes.td").write_text('''
include "mlir/Pass/PassBase.td"
def Foo : Pass<"foo"> { let summary = "Do it"; }
def Bar : Pass<"bar"> { let summary = "Do it"; }
''')
    examples = tree / "test" / "Docs" / "passes"
    examples.mkdir(parents=True)
    (examples / "bar.mlir").write_text("// RUN: effattn-opt %s -barter | FileCheck %s\n")
    (examples / "baz.mlir").write_text("// RUN: effattn-opt %s -baz | FileCheck %s\n")
    messages = check(tree, "ops")[1]
    assert "Passes.td:3: Foo: expected an example, test/Docs/passes/foo.mlir" in messages
    assert "Passes.td:4: Bar: expected the first line of test/Docs/passes/bar.mlir to run -bar" in messages
    assert "test/Docs/passes/baz.mlir:1: expected a pass of this name" in messages
