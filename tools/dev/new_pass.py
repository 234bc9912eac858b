#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes a pass to begin with, and its test: it compiles, and what it does is to be replaced.

    new_pass.py drop-wide-windows                        in the tree, flag effattn-drop-wide-windows
    new_pass.py drop-wide-windows --out-of-tree DIR      a plugin of effattn-opt, with CMake and lit
"""

from skeleton import ROOT, Error, camel_case, check_name, fill, open_folder, open_tree, parser, run

NEXT = """
Next: replace the rule, the description, the test and the example of the reference by yours. If the pass belongs to a stage of
effattn-compile, name it in lib/Pipelines/Pipelines.cpp.
"""


def in_tree(name, values):
    values["FLAG"] = f"effattn-{name}"
    values["RUN"] = f"-effattn-{name}"
    if f'"{values["FLAG"]}"' in (ROOT / "include/effattn/Transforms/Passes.td").read_text():
        raise Error(f"the pass {values['FLAG']} exists already")
    changes = open_tree()
    changes.add(f"lib/Transforms/{values['CLASS']}.cpp", fill("pass/Pass.cpp", values))
    changes.insert(
        "include/effattn/Transforms/Passes.td", "#endif", fill("pass/Passes.td", values).rstrip("\n") + "\n\n"
    )
    changes.insert_sorted("lib/Transforms/CMakeLists.txt", f"  {values['CLASS']}.cpp")
    changes.add(f"test/Transforms/{name.replace('-', '_')}.mlir", fill("pass/test.mlir", values))
    changes.add(f"test/Docs/passes/{values['FLAG']}.mlir", fill("pass/example.mlir", values))
    changes.write()
    return NEXT


def out_of_tree(name, values, folder):
    values["FLAG"] = name
    values["RUN"] = f"%plugins --pass-pipeline='builtin.module({name})'"
    values["PROJECT"], values["TARGET"] = name, values["CLASS"]
    values["PLUGIN"] = f"effattn_add_pass_plugin({values['CLASS']} {values['CLASS']}.cpp)"
    changes = open_folder(folder)
    changes.add("CMakeLists.txt", fill("plugin/CMakeLists.txt", values))
    changes.add(f"{values['CLASS']}.cpp", fill("pass/Plugin.cpp", values))
    changes.add(f"test/{name.replace('-', '_')}.mlir", fill("pass/test.mlir", values))
    return changes.write_project()


def main(options):
    name = check_name(options.name, "-", "the name of a pass")
    values = {"CLASS": camel_case(name), "UPPER": camel_case(name).upper()}
    values["PATTERN"] = fill("pass/pattern.cpp", values)
    if options.out_of_tree:
        return out_of_tree(name, values, options.out_of_tree)
    return in_tree(name, values)


if __name__ == "__main__":
    made = parser(__doc__)
    made.add_argument("name", help="a verb and what it is about, such as drop-wide-windows")
    run(main, made)
