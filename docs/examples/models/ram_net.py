# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A layer with a memory of constant size (RAM-Net, arXiv 2602.11958).

Every token writes its value to the slots of its write address and reads those of its read address:
the k most probable of base ** digits slots, turned by the position of the token (CAPE).

A stream in pieces gives what the whole stream gives: `next_memory` and `next_mass` are the `memory`
and `mass` of the next piece, zeros at the start, and may be put into the same memory. B rows,
T tokens; tokens past `lengths` change nothing.

Written by `python ram_net.py`.
"""

from dataclasses import dataclass

import effattn
from effattn import ops
from layers import Weights, normalize, project, text


@dataclass(frozen=True)
class Config:
    width: int = 32
    value_width: int = 32
    digits: int = 3
    base: int = 6
    kept: int = 4
    shift: str = "digits"
    gamma: float = 1.0

    @property
    def slots(self) -> int:
        return self.base**self.digits


def ram_net_layer(x, positions, lengths, memory, mass, weights, config):
    """``x + memory(norm(x))``, and the next state."""

    def address(name):
        logits = project(rows, weights, name, config.digits * config.base)
        return ops.address_decode(
            logits,
            positions=positions,
            digits=config.digits,
            k=config.kept,
            normalize=True,
            mode=config.shift,
        )

    comment = weights.function.comment
    comment("Where a token writes.")
    rows = normalize(x, weights)
    write_weights, write_slots = address("to_write")
    comment("Where it reads.")
    read_weights, read_slots = address("to_read")
    comment("Values move to the memory, and averages of them back.")
    values = project(rows, weights, "to_value", config.value_width)
    out, memory, mass = ops.address_memory(
        write_weights,
        write_slots,
        values,
        read_weights,
        read_slots,
        memory,
        mass,
        lengths=lengths,
        gamma=config.gamma,
    )
    return x + project(out, weights, "to_output", config.width), memory, mass


def build(config: Config = Config()) -> effattn.Module:
    module = effattn.Module()
    f = module.function("ram_net")
    x = f.input("x", f"f32[B, T, {config.width}]")
    positions = f.input("positions", "i64[B, T]")
    lengths = f.input("lengths", "i32[B]")
    memory = f.input("memory", f"f32[B, {config.slots}, {config.value_width}]")
    mass = f.input("mass", f"f32[B, {config.slots}]")

    y, memory, mass = ram_net_layer(x, positions, lengths, memory, mass, Weights(f), config)
    f.output(y, "y")
    f.output(memory, "next_memory")
    f.output(mass, "next_mass")
    return module


if __name__ == "__main__":
    print(text(__doc__, build()), end="")
