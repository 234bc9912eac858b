#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the CHECK lines of a lit test from what its RUN lines print now.

    generate_checks.py test.mlir                                 rewrites the file
    generate_checks.py test.mlir -o -                            prints it
    generate_checks.py test.mlir --define plugins='--load-pass-plugin=build/My.so'

Every `RUN: COMMAND | FileCheck %s [--check-prefix=P]` is run with bash; the tools have to be on the PATH.
Before each function of the input go the lines that check it; those that stood there under the same
prefix are replaced. Functions that a pass adds are checked behind the one they are printed behind.

What is written says that the output is as it is now, not that it is right, and every line of it: read it,
and delete what the test is not about.
"""

import argparse
import pathlib
import re
import shlex
import subprocess
import sys

FUNCTION = re.compile(r'\s*(?:func\.func|llvm\.func|gpu\.func)\b[^@]*@("[^"]+"|[\w.$-]+)\(')
VALUE = re.compile(r"%[\w.$-]+")
MAP = re.compile(r"#(?:map|set)\d*\b")
DEFINITIONS = re.compile(r"%[\w.$-]+(?::\d+)?(?:, %[\w.$-]+(?::\d+)?)*(?= = )")


class Error(Exception):
    """A sentence for the user."""


# --- RUN lines -----------------------------------------------------------------------------------


def run_lines(text):
    lines, more = [], False
    for line in re.findall(r"RUN:\s*(.*)", text):
        lines = lines[:-1] + [f"{lines[-1][:-1]} {line}"] if more else [*lines, line]
        more = line.endswith("\\")
    return lines


def checked_commands(text):
    """(command, prefix) of every RUN line that pipes into FileCheck."""
    for line in run_lines(text):
        command, pipe, check = line.rpartition("|")
        words = shlex.split(check)
        if not pipe or words[:2] != ["FileCheck", "%s"]:
            continue
        found = re.search(r"--?check-prefix[= ](\S+)", check)
        yield command, found[1] if found else "CHECK"


def substitute(command, file, definitions):
    values = {"s": str(file), "S": str(file.parent), **definitions}
    for name in sorted(values, key=len, reverse=True):
        command = command.replace(f"%{name}", values[name])
    return command


def output_of(command):
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    if done.returncode:
        raise Error(f"'{command.strip()}' ended with {done.returncode}\n{done.stderr}".rstrip())
    return done.stdout


# --- Functions of the output ---------------------------------------------------------------------


def functions_of(output):
    """(name, lines of maps before it, its own lines) of every function, as printed."""
    found, maps, lines = [], [], iter(output.splitlines())
    for line in lines:
        if re.match(r"#(map|set)\d* = ", line):
            maps.append(line)
            continue
        start = FUNCTION.match(line)
        if not start:
            continue
        body, end = [line], re.match(r"\s*", line)[0] + "}"
        while body[-1] != end and (len(body) > 1 or line.endswith("{")):
            body.append(next(lines))
        found.append((start[1].strip('"'), maps, body))
        maps = []
    return found


class Names:
    """Variables of FileCheck for the values of a function; a region's go with it."""

    def __init__(self):
        self.used, self.scopes = {}, [(0, {})]

    def leave(self, depth):
        """Forgets values of regions that end before a line that is indented by ``depth``."""
        while self.scopes[-1][0] > depth:
            self.scopes.pop()

    def known(self, value):
        return next((names[value] for _, names in reversed(self.scopes) if value in names), None)

    def define(self, value, stem, depth):
        """A variable that no other value has, for lines that are indented by ``depth``."""
        count = self.used[stem] = self.used.get(stem, 0) + 1
        name = stem if count == 1 else f"{stem}_{count}"
        if self.scopes[-1][0] < depth:
            self.scopes.append((depth, {}))
        self.scopes[-1][1][value] = name
        return name


def escape(text):
    """Text of which FileCheck would take a part for a pattern or a variable."""
    return text.replace("{{", "{{[{][{]}}").replace("[[", "{{\\[\\[}}")


def stem_of(line, value, results):
    if value not in results:
        return "ARG" if FUNCTION.match(line) else re.sub(r"\W|\d+$", "", value).upper().strip("_") or "VALUE"
    op = re.search(r" = \"?(?:\w+\.)*(\w+)", line)
    return op[1].upper() if op else "VALUE"


def check_line(line, names):
    """One line of the output with its values as variables."""
    depth = len(line) - len(line.lstrip())
    # A block's arguments belong to the lines after its label, and what a line that opens a region
    # names for the first time, to the region.
    inside = depth + 2 if line.endswith("{") or line.lstrip().startswith("^") else depth
    names.leave(inside if line.lstrip().startswith("^") else depth)
    found = DEFINITIONS.match(line.strip())
    results = VALUE.findall(found[0]) if found else []
    pieces, at, defined = [], 0, {}
    for match in VALUE.finditer(line):
        value, name = match[0], names.known(match[0])
        pieces.append(escape(line[at : match.start()]))
        at = match.end()
        is_result = value in results and match.end() <= line.index(" = ")
        if name and not is_result or value in defined:
            pieces.append(f"%[[{defined.get(value, name)}]]")
            continue
        defined[value] = names.define(value, stem_of(line, value, results), depth if is_result else inside)
        pieces.append(f"%[[{defined[value]}:[0-9A-Za-z_]+]]")
    pieces.append(escape(line[at:]))
    text = "".join(pieces).strip()
    return MAP.sub(lambda found: f"#[[${found[0][1:].upper()}]]", text)


def checks_of(name, maps, body, prefix):
    """The comments that check a function."""
    names, lines = Names(), []
    for line in maps:
        alias, _, value = line.partition(" = ")
        lines.append(f"// {prefix}: #[[${alias[1:].upper()}:.+]] = {escape(value)}")
    lines.append(f"// {prefix}-LABEL: @{name}(")
    signature = check_line(body[0], names)
    rest = signature.split(f"@{name}(", 1)[-1] if f"@{name}(" in signature else signature
    lines.append(f"// {prefix}-SAME: {rest}")
    for line in body[1:]:
        lines.append(f"// {prefix}-NEXT: {' ' * (len(line) - len(line.lstrip()))}{check_line(line, names)}")
    return lines


# --- The test ------------------------------------------------------------------------------------


def without_checks(lines, prefixes):
    kind = "(?:-(?:LABEL|SAME|NEXT|NOT|DAG|EMPTY|COUNT-[0-9]+))?"
    old = re.compile(rf"\s*//\s*(?:{'|'.join(map(re.escape, prefixes))}){kind}:")
    return [line for line in lines if not old.match(line)]


def insert_checks(lines, functions, prefix):
    """The lines of a test with checks of ``functions`` before those of the same name."""
    places = {}
    for number, line in enumerate(lines):
        start = FUNCTION.match(line)
        if start:
            places.setdefault(start[1].strip('"'), number)
    names = [name for name, _, _ in functions]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise Error(f"two functions are called '{twice}', so no line can tell them apart")
    if not any(name in places for name in names):
        raise Error(f"no function of the test is in the output under {prefix}")
    checks, anchor = {}, min(places.values())
    for name, maps, body in functions:
        anchor = max(anchor, places.get(name, anchor))
        checks.setdefault(anchor, []).extend(checks_of(name, maps, body, prefix))
    made = []
    for number, line in enumerate(lines):
        made += checks.get(number, [])
        made.append(line)
    return made


def generate(file, definitions):
    try:
        text = file.read_text()
    except UnicodeDecodeError:
        raise Error(f"{file}: expected text in UTF-8") from None
    commands = list(checked_commands(text))
    if not commands:
        raise Error(f"{file}: expected a line 'RUN: COMMAND | FileCheck %s'")
    lines = without_checks(text.splitlines(), [prefix for _, prefix in commands])
    for command, prefix in commands:
        output = output_of(substitute(command, file, definitions))
        lines = insert_checks(lines, functions_of(output), prefix)
    return "\n".join(lines) + "\n"


def read_definition(text):
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, but got '{text}'")
    return name, value


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("test", type=pathlib.Path)
    parser.add_argument("-o", "--output", metavar="FILE", help="write there, - for standard output")
    parser.add_argument("--define", type=read_definition, action="append", default=[], metavar="NAME=VALUE",
                        help="what %%NAME stands for in RUN lines, beside %%s and %%S")  # fmt: skip
    options = parser.parse_args()
    try:
        made = generate(options.test, dict(options.define))
        if options.output == "-":
            sys.stdout.write(made)
        else:
            pathlib.Path(options.output or options.test).write_text(made)
    except (Error, OSError) as error:
        sys.exit(f"generate_checks.py: {error}")


if __name__ == "__main__":
    main()
