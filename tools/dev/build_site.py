#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Builds the documentation as a site: the pages of the tree and the generated reference.

Pages keep their places, so that links between them stay as they are. A file or folder of the tree
that a page links to, such as a definition or the sources of a tutorial, becomes a page that shows
it. Every warning is an error: a link or an anchor that leads nowhere, a page that is not in the
navigation.
"""

import argparse
import logging
import os
import pathlib
import re
import shutil
import sys

import pygments.lexers
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINK = re.compile(r"(?<=\]\()([^)#:\s]+)(?=(?:#[^)]*)?\))")
FENCE = re.compile(r" *```")
LANGUAGES = {".td": "tablegen", ".txt": "cmake", ".cpp": "cpp", ".mlir": "mlir", ".py": "python"}


class Pages:
    """The folder of pages that the site is built from."""

    def __init__(self, root, output):
        self.root, self.output = root, output

    def write(self, name, text):
        path = self.output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def add(self, source, name, head=""):
        """A page; what it links to in the tree comes along."""
        lines, in_code = [head], False
        for line in source.read_text().split("\n"):
            if FENCE.match(line):
                in_code = not in_code
                # An exit status is for the checks, not for the reader.
                line = re.sub(r" status=\d+", "", line)
            elif not in_code:
                line = LINK.sub(lambda link: self.target(source, name, link[1]), line)
            lines.append(line)
        # The title is to come first.
        self.write(name, re.sub(r"^<!--.*?-->\s*", "", "\n".join(lines), flags=re.MULTILINE))

    def target(self, source, name, link):
        """Where a link leads in the site."""
        found = (source.parent / link).resolve()
        if found.suffix == ".md" or not found.exists() or not found.is_relative_to(self.root):
            return link
        place = found.relative_to(self.root)
        if found.suffix in (".svg", ".png"):
            self.output.joinpath(place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(found, self.output / place)
            return link
        shown = f"source/{place}.md"
        if not (self.output / shown).exists():
            self.write(shown, show(found, place))
        return os.path.relpath(shown, os.path.dirname(name))


def show(found, place):
    """A page with a file or with the files of a folder."""
    if found.is_dir():
        files = sorted(file for file in found.rglob("*") if file.is_file())
        parts = [f"## {file.relative_to(found)}\n\n{code(file)}" for file in files]
    else:
        parts = [code(found)]
    return "\n".join([f"# {place.name}\n", f"`{place}` of the source tree.\n", *parts])


def code(file):
    # More backticks than any file has in a row.
    fence = "`" * 6
    return f"{fence} {LANGUAGES.get(file.suffix, 'text')}\n{file.read_text()}\n{fence}\n"


def reference(pages, generated):
    """Adds the generated pages; returns their part of the navigation."""
    nav = []
    for title, folder in (("Ops", "dialect"), ("Passes", "passes")):
        names = []
        for source in sorted((generated / folder).glob("*.md"), key=lambda file: file.name != "README.md"):
            names.append(f"reference/{folder}/{source.name}")
            # What an op means comes before how fast it is.
            pages.add(source, names[-1], head="---\nsearch: {boost: 2}\n---\n")
        nav.append({title: names})
    return {"Reference": nav}


def lay_out(root, generated, output):
    shutil.rmtree(output, ignore_errors=True)
    pages = Pages(root, output)
    for source in [*root.glob("*.md"), *root.glob("docs/**/*.md"), root / "python" / "README.md"]:
        if source.exists():
            pages.add(source, str(source.relative_to(root)))
    for asset in ("style.css", "iframe-worker.js"):
        shutil.copy(root / "docs" / "site" / asset, output)
    return reference(pages, generated)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--root", type=pathlib.Path, default=ROOT, metavar="DIR",
                        help="the source tree (default: that of this script)")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "build" / "docs", metavar="DIR",
                        help="has dialect/ and passes/ of generate_docs.py, gets site/ (default: build/docs)")
    options = parser.parse_args()
    root, output = options.root.resolve(), options.output.resolve()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    pygments.lexers.LEXERS["MlirLexer"] = ("mlir_lexer", "MLIR", ("mlir",), ("*.mlir",), ())
    added = lay_out(root, output, output / "pages")
    config = load_config(str(root / "docs" / "site" / "mkdocs.yml"), docs_dir=str(output / "pages"),
                         site_dir=str(output / "site"), strict=True)
    config.nav.append(added)
    config.plugins.on_startup(command="build", dirty=False)
    try:
        build(config)
    except Abort as problem:
        sys.exit(f"build_site.py: {problem}")
    finally:
        config.plugins.on_shutdown()
    print(output / "site" / "index.html")


if __name__ == "__main__":
    main()
