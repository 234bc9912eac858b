#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks that what the documentation says is true: docs/, and the pages beside README.md.

examples     Every ```mlir block of the .td files and of the pages is a complete module:
             effattn-opt parses and verifies it, and what it prints parses to the same again. That
             of an op can be compiled for the CPU and for a GPU.
kernels      The example of every op and every example model become machine code for sm_80 and
             sm_90. Needs ptxas.
commands     Every ```console block of the pages is run. A line `$ command` is executed,
             the lines after it are what it prints; `...` stands for any text inside a line and, on
             a line of its own, for any lines. A command may go on after a backslash or a pipe. All
             blocks of a page run in one temporary folder and one shell environment; $EFFATTN is
             the build tree or --effattn, and its tools come first in PATH, then the folder of the
             Python that runs this.
             A command must succeed, except in a block that begins ```console status=1.
             A block with a title (```c title="main.c") is written to that file. Where a folder is
             named as the page (first-pass/ beside first-pass.md), or the page is the README.md of
             a folder below docs/, commands run in a copy of the folder, and a block with the title
             of one of its files is an excerpt of that file.
links        Every relative link of the pages leads to a file.
ops          Every op has a summary in the imperative, at least 10 lines of description, an example
             that contains it, a `Source:` line, and names each of its operands and attributes.
             Every pass has a summary, every option of a pass a description, and every pass an
             example that runs it, test/Docs/passes/PASS.mlir; every example belongs to a pass.
             README.md names every op.
constraints  Every labelled constraint (C1, C2, ...) of an op stands in its description, in a
             comment of its verifier or preconditions, and in a test: a function of a file in test/
             that uses the op, says C<n> in a comment or has _c<n> in its name, and expects an
             error or an effattn.check.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIALECT = ROOT / "include" / "effattn" / "Dialect"
DESCRIPTION_LINES = 10
COMMAND_SECONDS = 300


def place(path, line):
    return f"{path.relative_to(ROOT)}:{line}"


# --- Code blocks ---------------------------------------------------------------------------------


class Block:
    """A fenced block: ``line`` is the number of the line after the opening fence."""

    def __init__(self, path, line, info):
        self.path, self.line = path, line
        self.language, _, self.options = info.partition(" ")
        self.lines = []

    def title(self):
        match = re.search(r'title="([^"]+)"', self.options)
        return match.group(1) if match else None


def blocks_of(path):
    blocks, block, indentation = [], None, 0
    for number, line in enumerate(path.read_text().split("\n"), 1):
        fence = re.match(r"( *)```(.*)", line)
        if fence and block is None:
            indentation = len(fence.group(1))
            block = Block(path, number + 1, fence.group(2).strip())
        elif fence:
            blocks.append(block)
            block = None
        elif block is not None:
            block.lines.append(line[indentation:] if not line[:indentation].strip() else line)
    return blocks


def pages():
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("**/*.md"))]


# --- examples ------------------------------------------------------------------------------------


def optimize(block, text, *flags):
    """Runs effattn-opt; raises a problem with the block's own line numbers."""
    done = subprocess.run(["effattn-opt", *flags, "-"], input=text, text=True, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        raise ValueError(done.stderr.replace("<stdin>", str(block.path.relative_to(ROOT))).strip()
                         or f"{place(block.path, block.line)}: effattn-opt ended with "
                            f"{done.returncode} and without a word")
    return done.stdout


def check_example(block):
    # Blank lines before the block make the line numbers of messages those of the file.
    text = "\n" * (block.line - 1) + "\n".join(block.lines)
    try:
        once = optimize(block, text, "--verify-roundtrip")
        twice = optimize(block, once)
        if block.path.parent == DIALECT:
            optimize(block, text, "--effattn-cpu-pipeline")
            optimize(block, text, "--effattn-nvptx-pipeline")
    except ValueError as problem:
        return [str(problem)]
    if once == twice:
        return []
    first = next((a, b) for a, b in zip(once.split("\n"), twice.split("\n")) if a != b)
    return [f"{place(block.path, block.line)}: printed differently after parsing what was printed:"
            f"\n  once:  {first[0]}\n  twice: {first[1]}"]


def check_examples(options):
    files = [*sorted((ROOT / "include").glob("**/*.td")), *pages()]
    examples = [block for file in files for block in blocks_of(file) if block.language == "mlir"]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return sum(pool.map(check_example, examples), []), f"{len(examples)} examples"


# --- kernels -------------------------------------------------------------------------------------


def assemble(source):
    """What is wrong with the machine code of a module, given as its name and its text."""
    name, text = source
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        for gpu in ("sm_80", "sm_90"):
            command = ["effattn-compile", "-", "--target=nvptx", f"--gpu={gpu}", "-o", f"{folder}/k.cubin"]
            done = subprocess.run(command, input=text, text=True, capture_output=True, timeout=120)
            # A module may only check.
            if done.returncode and "but got no kernels" not in done.stderr:
                problems.append(f"{name}: {gpu}: {done.stderr.strip()}")
    return problems


def check_kernels(options):
    examples = [(place(block.path, block.line), "\n".join(block.lines))
                for file in sorted(DIALECT.glob("*.td")) for block in blocks_of(file)
                if block.language == "mlir"]
    models = [(str(path.relative_to(ROOT)), path.read_text())
              for path in sorted((ROOT / "docs" / "examples" / "models").glob("*.mlir"))]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return sum(pool.map(assemble, examples + models), []), f"{len(examples + models)} modules"


# --- links ---------------------------------------------------------------------------------------


def check_links(options):
    problems, count = [], 0
    for page in pages():
        for number, line in enumerate(page.read_text().split("\n"), 1):
            for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", line):
                count += 1
                if not (page.parent / target).exists():
                    problems.append(f"{place(page, number)}: expected {target} to exist")
    return problems, f"{count} links"


# --- commands ------------------------------------------------------------------------------------


def commands_of(block):
    """(line number, command, expected lines) of a console block."""
    commands = []
    lines = enumerate(block.lines, block.line)
    for number, line in lines:
        if not line.startswith("$ "):
            if not commands:
                raise ValueError(f"{place(block.path, number)}: a console block begins with "
                                 f"'$ command', but got '{line}'")
            commands[-1][2].append(line)
            continue
        command = line[2:]
        while command.endswith(("\\", "|")):
            command += "\n" + next(lines, (0, ""))[1]
        commands.append((number, command, []))
    return commands


def pattern(lines):
    """A regular expression of expected lines, each ended by a line feed."""
    parts = []
    for line in lines:
        if line.strip() == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(".*?".join(map(re.escape, line.rstrip().split("..."))) + r"\n")
    return "".join(parts)


def compare(block, number, command, expected, output):
    """A problem that names the first line that is not as expected, or nothing."""
    got = "".join(line.rstrip() + "\n" for line in output.rstrip("\n").split("\n") if output)
    while expected and not expected[-1].strip():
        expected.pop()
    if re.fullmatch(pattern(expected), got):
        return []
    matched = max(n for n in range(len(expected) + 1) if re.match(pattern(expected[:n]), got))
    wanted = expected[matched] if matched < len(expected) else "nothing more"
    line = number + command.count("\n") + 1 + min(matched, len(expected) - 1 if expected else 0)
    return [f"{place(block.path, line)}: '{command}' was to print\n  {wanted}\nbut printed\n"
            + "".join(f"  {text}\n" for text in got.split("\n")).rstrip()]


def run_command(folder, environment, command):
    """Runs in the folder and with the variables that the command before left."""
    state = folder.parent / "state"
    script = f"{command}\nstatus=$?\ndeclare -px >'{state}'\npwd >'{state}.cwd'\nexit $status"
    before = f". '{state}' 2>/dev/null; cd \"$(cat '{state}.cwd')\"\n" if state.exists() else ""
    return subprocess.run(["bash", "-c", before + script], cwd=folder, env=environment, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=COMMAND_SECONDS)


def prepare_folder(page, folder):
    beside = page.with_suffix("")
    if page.name == "README.md" and page.parent != ROOT:
        beside = page.parent
    if beside.is_dir():
        shutil.copytree(beside, folder)
    else:
        folder.mkdir()


def place_file(block, folder):
    """Writes a titled block, or checks that it is an excerpt of a file that exists."""
    file = folder / block.title()
    text = "\n".join(block.lines) + "\n"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    elif text not in file.read_text():
        return [f"{place(block.path, block.line)}: expected an excerpt of {block.title()}, but "
                "the file has no such lines"]
    return []


def check_page(page, environment):
    """The number of commands that ran, and problems."""
    count, found = 0, []
    with tempfile.TemporaryDirectory(prefix="effattn-docs-") as name:
        folder = pathlib.Path(name) / page.stem
        prepare_folder(page, folder)
        for block in blocks_of(page):
            if block.title():
                found += place_file(block, folder)
            if block.language != "console":
                continue
            status = re.search(r"status=(\d+)", block.options)
            status = int(status.group(1)) if status else 0
            for number, command, expected in commands_of(block):
                count += 1
                done = run_command(folder, environment, command)
                if done.returncode != status:
                    return count, found + [
                        f"{place(page, number)}: '{command}' ended with {done.returncode} and "
                        f"printed\n{done.stdout}".rstrip()]
                found += compare(block, number, command, expected, done.stdout)
    return count, found


def check_commands(options):
    environment = dict(os.environ, EFFATTN=str(options.effattn), LC_ALL="C.UTF-8", COLUMNS="100")
    selected = [page for page in pages()
                if not options.pages or any(page.match(wanted) for wanted in options.pages)]

    def check(page):
        try:
            return check_page(page, environment)
        except (ValueError, subprocess.TimeoutExpired) as problem:
            return 0, [str(problem)]

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        counts, problems = zip(*pool.map(check, selected))
    return sum(problems, []), f"{sum(counts)} commands"


# --- ops -----------------------------------------------------------------------------------------


def llvm_folder(build):
    """Where the LLVM is that the build tree uses."""
    cache = (build / "CMakeCache.txt").read_text()
    return pathlib.Path(re.search(r"^LLVM_DIR:\w+=(.*)$", cache, re.MULTILINE).group(1)).parents[2]


def records(td, options):
    """What llvm-tblgen knows about the definitions of a file."""
    llvm = llvm_folder(options.build)
    done = subprocess.run([llvm / "bin" / "llvm-tblgen", "--dump-json", td, "-I", llvm / "include",
                           "-I", ROOT / "include"], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


class Op:
    def __init__(self, name, record):
        self.name = record["opName"]
        self.class_name = name.replace("EffAttn_", "", 1)
        self.summary = record["summary"]
        self.description = record["description"]
        self.arguments = [argument[1] for argument in record["arguments"]["args"]]
        file, line = record["!locs"][0].rsplit(":", 1)
        self.path, self.line = DIALECT / pathlib.Path(file).name, int(line)
        self.labels = set(re.findall(r"\bC\d+\b", self.description))

    def problem(self, text):
        return f"{place(self.path, self.line)}: effattn.{self.name}: {text}"


def ops_of(options):
    found = records(DIALECT / "EffAttnOps.td", options)
    ops = [Op(name, found[name]) for name in found["!instanceof"]["Op"]
           if found[name]["opDialect"]["def"] == "EffAttn_Dialect"]
    return sorted(ops, key=lambda op: (str(op.path), op.line))


def check_description(op, readme):
    lines = [line for line in op.description.split("\n") if line.strip()]
    examples = re.findall(r"```mlir\n(.*?)```", op.description, re.DOTALL)
    if not re.match(r"[a-z].*[^.]$", op.summary):
        yield op.problem("expected a summary that begins lower case and ends without a period, "
                         f"but got '{op.summary}'")
    if len(lines) < DESCRIPTION_LINES:
        yield op.problem(f"expected at least {DESCRIPTION_LINES} lines of description, but got "
                         f"{len(lines)}")
    if not any(re.search(rf"\beffattn\.{op.name}\b", example) for example in examples):
        yield op.problem("expected an ```mlir example that contains the op")
    if not any(line.strip().startswith("Source:") for line in lines):
        yield op.problem("expected a line that begins 'Source:'")
    for argument in op.arguments:
        if not re.search(rf"\b{argument}\b", op.description):
            yield op.problem(f"expected the description to name '{argument}'")
    if f"`{op.name}`" not in readme:
        yield op.problem(f"expected README.md to name `{op.name}` in its table of ops")


def check_example_of(flag, path):
    if not path.exists():
        yield f"expected an example, {path.relative_to(ROOT)}"
    elif not re.search(rf" -{flag}[ =]", path.read_text().split("\n", 1)[0]):
        yield f"expected the first line of {path.relative_to(ROOT)} to run -{flag}"


def check_passes(options):
    examples = set((ROOT / "test" / "Docs" / "passes").glob("*.mlir"))
    for td in sorted((ROOT / "include").glob("**/Passes.td")):
        found = records(td, options)
        for name in found["!instanceof"]["PassBase"]:
            where = f"{place(td, found[name]['!locs'][0].rsplit(':', 1)[1])}: {name}: "
            if not found[name]["summary"]:
                yield where + "expected a summary"
            for option in found[name]["options"]:
                if not found[option["def"]]["description"]:
                    yield where + f"expected option {found[option['def']]['argument']} to have " \
                                  "a description"
            example = ROOT / "test" / "Docs" / "passes" / f"{found[name]['argument']}.mlir"
            examples.discard(example)
            for problem in check_example_of(found[name]["argument"], example):
                yield where + problem
    for example in sorted(examples):
        yield f"{place(example, 1)}: expected a pass of this name"


def check_ops(options):
    readme = (ROOT / "README.md").read_text()
    ops = ops_of(options)
    problems = [problem for op in ops for problem in check_description(op, readme)]
    return problems + list(check_passes(options)), f"{len(ops)} ops"


# --- constraints ---------------------------------------------------------------------------------


def functions_of(source):
    """(class or None, name, labels, body) of the functions of a C++ file. A comment right above a
    function belongs to it."""
    functions, labels, body, name = [], [], [], None
    for line in source.read_text().split("\n"):
        comment = re.match(r"\s*///? (.*)", line)
        if comment:
            labels += re.findall(r"\bC\d+\b(?=[:,( ])", comment.group(1))
        start = re.match(r"(?:[\w:<>*&]+ )*[\w:<>*& ]*?(?:(\w+)::)?(\w+)\(", line)
        if name is None and start and not line.startswith((" ", "#", "/")):
            name, body = start.groups(), []
        if name is not None:
            body.append(line)
        if line in ("}", "};") or name is None and not line.strip():
            if name is not None:
                functions.append((*name, labels, "\n".join(body)))
            labels, name = [], None
    return functions


def labels_in_code():
    """Labels by class of op. Those of a helper belong to the one class that uses it."""
    functions = [f for file in sorted((ROOT / "lib" / "Dialect").glob("*.cpp"))
                 for f in functions_of(file)]
    found = {}
    for class_name, name, labels, _ in functions:
        users = {class_name} if class_name else {
            user for user, _, _, body in functions if user and re.search(rf"\b{name}\(", body)}
        if len(users) == 1:
            found.setdefault(users.pop(), set()).update(labels)
    return found


def tested_labels():
    """(op, label) of every test case that expects an error or a check."""
    found = set()
    for file in sorted((ROOT / "test").glob("**/*.mlir")):
        # A case is a function with the comments before it.
        for case in re.split(r"^}$|^// -----.*$", file.read_text(), flags=re.MULTILINE):
            if "expected-error" in case or "effattn.check" in case:
                comments = " ".join(re.findall(r"//(.*)", case))
                labels = re.findall(r"\bC\d+\b", comments)
                labels += [name.upper() for name in re.findall(r"@\w*?_(c\d+)(?=_|\b)", case)]
                found.update((op, label) for op in re.findall(r"effattn\.(\w+)", case)
                             for label in labels)
    return found


def check_constraints(options):
    in_code, tested = labels_in_code(), tested_labels()
    problems, count = [], 0
    for op in ops_of(options):
        coded = in_code.get(op.class_name, set())
        count += len(op.labels)
        for label in sorted(op.labels | coded, key=lambda label: int(label[1:])):
            if label not in op.labels:
                problems.append(op.problem(f"{label} of the verifier is not in the description"))
            if label not in coded:
                problems.append(op.problem(f"{label} is not in a comment of its verifier or "
                                           "preconditions"))
            if (op.name, label) not in tested:
                problems.append(op.problem(f"{label} has no test: expected a function "
                                           f"@{op.name}_{label.lower()}_... with an "
                                           "expected-error or an effattn.check"))
    return problems, f"{count} constraints"


# --- main ----------------------------------------------------------------------------------------

CHECKS = {"examples": check_examples, "kernels": check_kernels, "links": check_links, "commands": check_commands,
          "ops": check_ops, "constraints": check_constraints}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("check", choices=CHECKS)
    parser.add_argument("pages", nargs="*", help="of commands: only these, such as first-pass.md")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", metavar="DIR",
                        help="the build tree (default: build/)")
    parser.add_argument("--effattn", type=pathlib.Path, metavar="DIR",
                        help="an install tree for commands (default: the build tree)")
    options = parser.parse_args()
    options.effattn = (options.effattn or options.build).resolve()
    tools = [str(tree.resolve() / "bin") for tree in (options.effattn, options.build)]
    python = os.path.dirname(sys.executable)
    os.environ["PATH"] = os.pathsep.join([*tools, python, os.environ["PATH"]])
    try:
        problems, checked = CHECKS[options.check](options)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"check_docs.py: {error}")
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        sys.exit(f"check_docs.py: {len(problems)} problems in {checked}")
    print(f"{checked} checked")


if __name__ == "__main__":
    main()
