# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What new_pass.py, new_op.py and new_mask.py have in common.

The files that they write are filled from ``templates/``, where @NAME@ stands for a value. Everything is
filled and checked first and written last, so a mistake leaves nothing behind.
"""

import argparse
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]

KEYWORDS = {
    "alignas", "alignof", "and", "asm", "auto", "bitand", "bitor", "bool", "break", "case", "catch", "char",
    "class", "compl", "const", "constexpr", "continue", "decltype", "default", "delete", "do", "double", "else",
    "enum", "explicit", "export", "extern", "false", "float", "for", "friend", "goto", "if", "inline", "int",
    "long", "mutable", "namespace", "new", "noexcept", "not", "nullptr", "operator", "or", "private",
    "protected", "public", "register", "return", "short", "signed", "sizeof", "static", "struct", "switch",
    "template", "this", "throw", "true", "try", "typedef", "typeid", "typename", "union", "unsigned", "using",
    "virtual", "void", "volatile", "while", "xor",
}  # fmt: skip
TAKEN_NAMESPACES = {"builtin", "effattn", "llvm", "mlir", "std"}


class Error(Exception):
    """A sentence for the user."""


def camel_case(name):
    return "".join(word.capitalize() for word in re.split("[-_]", name))


def check_name(name, separator, what):
    words = name.split(separator)
    if not all(re.fullmatch("[a-z][a-z0-9]*" if word is words[0] else "[a-z0-9]+", word) for word in words):
        raise Error(f"{what}: expected words of a-z and 0-9 joined by '{separator}', but got '{name}'")
    if name in KEYWORDS:
        raise Error(f"{what}: '{name}' is a keyword of C++")
    return name


def check_dialect(name):
    check_name(name, "_", "--dialect")
    if name in TAKEN_NAMESPACES:
        raise Error(f"--dialect: '{name}' is taken")
    return name


def fill(template, values):
    """The text of a template; ``values`` are what its markers stand for."""
    text = (HERE / "templates" / template).read_text()
    text = re.sub(r"@([A-Z]+(?:_[A-Z]+)*)@", lambda marker: values[marker[1]].rstrip("\n"), text)
    return re.sub(r"^(//===- .*?) -*===//$", lambda line: line[1] + " " + "===//".rjust(79 - len(line[1]), "-"),
                  text, flags=re.MULTILINE)  # fmt: skip


class Changes:
    """Files to write below a folder, and files there to change."""

    def __init__(self, root):
        self.root = root
        self.texts = {}

    def read(self, path):
        if path not in self.texts:
            self.texts[path] = (self.root / path).read_text()
        return self.texts[path]

    def add(self, path, text):
        if (self.root / path).exists():
            raise Error(f"{path} exists already")
        self.texts[path] = text.rstrip("\n") + "\n"

    def insert(self, path, before, text):
        """Inserts ``text`` before the last line that the pattern ``before`` matches."""
        lines = self.read(path).splitlines(keepends=True)
        places = [number for number, line in enumerate(lines) if re.match(before, line)]
        if not places:
            raise Error(f"{path}: expected a line that matches '{before}'")
        lines.insert(places[-1], text)
        self.texts[path] = "".join(lines)

    def insert_sorted(self, path, line):
        """Inserts a line into the run of lines that look alike, such as the sources of a library."""
        lines = self.read(path).splitlines(keepends=True)
        alike = re.sub(r"\w+", r"\\w+", re.escape(line))
        places = [number for number, other in enumerate(lines) if re.fullmatch(alike, other.rstrip("\n"))]
        if not places:
            raise Error(f"{path}: expected lines such as '{line.strip()}'")
        place = next((n for n in places if lines[n].rstrip("\n") > line), places[-1] + 1)
        lines.insert(place, line + "\n")
        self.texts[path] = "".join(lines)

    def replace(self, path, pattern, replacement):
        text, count = re.subn(pattern, replacement, self.read(path), count=1, flags=re.MULTILINE)
        if not count:
            raise Error(f"{path}: expected text that matches '{pattern}'")
        self.texts[path] = text

    def write(self):
        for path, text in self.texts.items():
            file = self.root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            print(file)

    def write_project(self):
        self.write()
        return (
            f"\nNext: cmake -G Ninja -S {self.root} -B {self.root}/build -DCMAKE_PREFIX_PATH=PREFIX, where PREFIX is "
            f"the folder\nthat effattn is installed into, and cmake --build {self.root}/build --target check."
        )


def check_definition(name):
    """Refuses the name of an op that the dialect has."""
    for td in sorted((ROOT / "include/effattn/Dialect").glob("*.td")):
        if re.search(rf"\b(def EffAttn_{camel_case(name)}Op\b|<\"{name}\")", td.read_text()):
            raise Error(f"the op effattn.{name} exists already, in {td.relative_to(ROOT)}")


def name_in_readme(changes, definitions, name):
    """Adds an op to the row of README.md that links to the file of its definition."""
    link = re.escape(f"(include/effattn/Dialect/{definitions})")
    changes.replace("README.md", rf"^(\|[^|]*\|.*`) (\| \[.*{link})", rf"\1, `{name}` \2")


def plugin_values(name, dialect):
    """What the templates of a dialect in a plugin need."""
    target = camel_case(dialect)
    return {
        "NAME": name,
        "CLASS": camel_case(name),
        "DIALECT": dialect,
        "TARGET": target,
        "PREFIX": target,
        "PROJECT": dialect,
        "PLUGIN": f"effattn_add_dialect_plugin({target} {dialect} {target}Ops.td {target}.cpp)",
        "PLUGINS": "%plugins ",
        "BASE_ARGUMENTS": f", dialect = {target}_Dialect",
    }


def write_dialect(changes, values, definition_includes):
    """The files of a plugin with a dialect; ``values`` has its DEFINITION, INCLUDES, CODE and PASSES."""
    target, name = values["TARGET"], values["NAME"]
    changes.add("CMakeLists.txt", fill("plugin/CMakeLists.txt", values))
    changes.add(f"{target}.cpp", fill("plugin/Dialect.cpp", values))
    includes = "\n".join(f'include "effattn/Dialect/{file}"' for file in definition_includes)
    changes.add(f"{target}Ops.td", fill("plugin/Ops.td", {**values, "INCLUDES": includes}))
    changes.add(f"test/{name}.mlir", values["TEST"])
    changes.add(f"test/{name}_invalid.mlir", values["INVALID"])


def open_folder(path):
    folder = pathlib.Path(path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Error(f"--out-of-tree: expected a folder that is new or empty, but got '{path}'")
    return Changes(folder)


def open_tree():
    if not (ROOT / "lib/Dialect").is_dir():
        raise Error("expected to stand in a source tree of effattn; --out-of-tree DIR makes a project of its own")
    return Changes(ROOT)


def parser(description):
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument(
        "--out-of-tree",
        metavar="DIR",
        help="write a project of its own that uses find_package(EffAttn), in place of a part of effattn",
    )
    return made


def add_dialect_option(made):
    made.add_argument("--dialect", metavar="NAME", help="of --out-of-tree: its dialect (default: my)")


def run(main, made):
    """Runs ``main(options)``, which returns what is left to do; a mistake is one sentence."""
    options = made.parse_args()
    try:
        if getattr(options, "dialect", None) and not options.out_of_tree:
            raise Error("--dialect is for --out-of-tree: in the tree it is effattn")
        print(main(options).strip())
    except (Error, OSError) as error:
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {error}")
