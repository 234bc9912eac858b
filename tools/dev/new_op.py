#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes an op to begin with, its lowering to linalg and its tests: it compiles, and is to be replaced.

    new_op.py soft_cap --family Norm                     effattn.soft_cap, in NormOps.td
    new_op.py soft_cap --out-of-tree DIR                 my.soft_cap, in a plugin of effattn-opt
"""

from skeleton import (
    ROOT,
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

LINALG = "EffAttnToLinalg"
NEXT = """
Next: replace what the op computes by yours, its description first. Then write the equation in NumPy in
python/src/effattn/reference, declare the op in a module of python/src/effattn/ops, and compare the two in
test/Integration: docs/design/architecture.md says how.
"""


def families():
    """Those with ops that compute."""
    files = sorted((ROOT / "include/effattn/Dialect").glob("*Ops.td"))
    return [td.name[: -len("Ops.td")] for td in files if ": EffAttn_ComputeOp<" in td.read_text()]


def in_tree(name, family):
    changes = open_tree()
    if family not in families():
        raise Error(f"--family: expected one of {', '.join(families())}, but got {family or 'none'}")
    check_definition(name)
    values = {
        "NAME": name,
        "CLASS": camel_case(name),
        "FAMILY": family,
        "DIALECT": "effattn",
        "PREFIX": "EffAttn",
        "BASE": "EffAttn_ComputeOp",
        "BASE_ARGUMENTS": "",
        "PLUGINS": "",
        "RUN": "-effattn-convert-to-linalg",
    }
    values["LOWERING"] = fill("op/lowering.cpp", values)
    definition = fill("op/definition.td", values)
    definitions = f"{family}Ops.td"
    populate = f"populate{values['CLASS']}ToLinalgPatterns"
    changes.insert(f"include/effattn/Dialect/{definitions}", "#endif", definition.rstrip("\n") + "\n\n")
    changes.add(f"lib/Conversion/{LINALG}/{values['CLASS']}ToLinalg.cpp", fill("op/ToLinalg.cpp", values))
    changes.insert_sorted(f"lib/Conversion/{LINALG}/CMakeLists.txt", f"  {values['CLASS']}ToLinalg.cpp")
    changes.insert(
        f"include/effattn/Conversion/{LINALG}.h",
        "} // namespace",
        f"void {populate}(RewritePatternSet &patterns);\n",
    )
    changes.insert(
        f"lib/Conversion/{LINALG}/Convert{LINALG}.cpp", "  return patterns;", f"  {populate}(patterns);\n"
    )
    changes.add(f"test/Conversion/{LINALG}/{name}.mlir", fill("op/test.mlir", values))
    changes.add(f"test/Dialect/{name}_invalid.mlir", fill("op/invalid.mlir", values))
    name_in_readme(changes, definitions, name)
    changes.write()
    return NEXT


def out_of_tree(name, dialect, folder):
    values = plugin_values(name, check_dialect(dialect))
    values["BASE"] = "EffAttn_ComputeOp"
    values["RUN"] = f"%plugins --pass-pipeline='builtin.module({dialect}-to-linalg)'"
    values["LOWERING"] = fill("op/lowering.cpp", values)
    values["DEFINITION"] = fill("op/definition.td", values)
    values["INCLUDES"] = fill("op/plugin_includes.cpp", values)
    values["CODE"] = fill("op/plugin.cpp", values)
    values["PASSES"] = " PassRegistration<ConvertToLinalgPass>(); "
    values["TEST"] = fill("op/test.mlir", values)
    values["INVALID"] = fill("op/invalid.mlir", values)
    changes = open_folder(folder)
    write_dialect(changes, values, ["EffAttnBase.td"])
    return changes.write_project()


def main(options):
    name = check_name(options.name, "_", "the name of an op")
    if options.out_of_tree:
        if options.family:
            raise Error("--family is for ops in the tree")
        return out_of_tree(name, options.dialect or "my", options.out_of_tree)
    return in_tree(name, options.family)


if __name__ == "__main__":
    made = parser(__doc__)
    made.add_argument("name", help="such as soft_cap")
    made.add_argument("--family", help="in the tree: the file of definitions that it goes into, such as Norm")
    add_dialect_option(made)
    run(main, made)
