#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes a mask to begin with, and its tests: it compiles, and what it keeps is to be replaced.

    new_mask.py near_mask                                effattn.near_mask, in MaskOps.td
    new_mask.py near_mask --out-of-tree DIR              my.near_mask, in a plugin of effattn-opt
"""

from skeleton import (
    Error,
    add_dialect_option,
    camel_case,
    check_definition,
    check_dialect,
    check_name,
    fill,
    name_in_readme,
    open_folder,
    open_tree,
    parser,
    plugin_values,
    run,
    write_dialect,
)

NEXT = """
Next: replace what the mask keeps by yours, its description first. If it captures tensors, name it in
registerBufferizationModels; then write it in NumPy in python/src/effattn/reference/masks.py and declare its
operands in python/src/effattn/ops/masks.py: docs/design/architecture.md says how.
"""


def in_tree(name):
    changes = open_tree()
    check_definition(name)
    values = {
        "NAME": name,
        "CLASS": camel_case(name),
        "DIALECT": "effattn",
        "PREFIX": "EffAttn",
        "BASE_ARGUMENTS": "",
        "PLUGINS": "",
    }
    values["METHODS"] = fill("mask/methods.cpp", values)
    definition = fill("mask/definition.td", values)
    changes.insert("include/effattn/Dialect/MaskOps.td", "#endif", definition.rstrip("\n") + "\n\n")
    changes.add(f"lib/Dialect/{values['CLASS']}Op.cpp", fill("mask/MaskOp.cpp", values))
    changes.insert_sorted("lib/Dialect/CMakeLists.txt", f"  {values['CLASS']}Op.cpp")
    changes.add(f"test/Dialect/{name}.mlir", fill("mask/test.mlir", values))
    changes.add(f"test/Dialect/{name}_invalid.mlir", fill("mask/invalid.mlir", values))
    name_in_readme(changes, "MaskOps.td", name)
    changes.write()
    return NEXT


def out_of_tree(name, dialect, folder):
    values = plugin_values(name, check_dialect(dialect))
    values["DEFINITION"] = fill("mask/definition.td", values)
    values["INCLUDES"] = fill("mask/plugin_includes.cpp", values)
    values["CODE"] = fill("mask/methods.cpp", values)
    values["PASSES"] = ""
    values["TEST"] = fill("mask/test.mlir", values)
    values["INVALID"] = fill("mask/invalid.mlir", values)
    changes = open_folder(folder)
    write_dialect(changes, values, ["MaskBase.td"])
    return changes.write_project()


def main(options):
    name = check_name(options.name, "_", "the name of a mask")
    if not name.endswith("_mask"):
        raise Error(f"expected a name that ends with '_mask', but got '{name}'")
    if options.out_of_tree:
        return out_of_tree(name, options.dialect or "my", options.out_of_tree)
    return in_tree(name)


if __name__ == "__main__":
    made = parser(__doc__)
    made.add_argument("name", help="such as near_mask")
    add_dialect_option(made)
    run(main, made)
