"""Kernels written by hand, run by the emulator.

``run(body, inputs, outputs)`` launches the IR of ``body`` and returns what it leaves in ``outputs``. The body
sees the buffers ``%in0``, ``%out0``, ..., of one dimension, the number of its thread ``%t`` and of its block ``%b``, the
lane ``%lane``, constants ``%c0`` to ``%c32`` (i32) and ``%i0`` to ``%i32`` (index), and ``%full``, the mask of a warp.
"""

import harness
import ml_dtypes
import numpy as np

TYPES = {
    np.dtype(np.float32): "f32",
    np.dtype(np.float16): "f16",
    np.dtype(ml_dtypes.bfloat16): "bf16",
    np.dtype(np.int8): "i8",
    np.dtype(np.int32): "i32",
    np.dtype(np.int64): "i64",
}
CONSTANTS = (0, 1, 2, 3, 4, 8, 16, 31, 32)

KERNEL = """
!shared = memref<?xi8, #gpu.address_space<workgroup>>
func.func @kernel({parameters}) -> i32 attributes {{llvm.emit_c_interface, effattn.signature = {{
    inputs = [{inputs}], outputs = [{outputs}]}}}} {{
  %done = arith.constant 0 : i32
  %x = arith.constant {x} : index
  %y = arith.constant {y} : index
  %blocks = arith.constant {blocks} : index
  %one = arith.constant 1 : index
  %bytes = arith.constant {shared} : i32
  {fill}
  gpu.launch blocks(%b, %block_y, %block_z) in (%gx = %blocks, %gy = %one, %gz = %one)
      threads(%t, %ty, %thread_z) in (%sx = %x, %sy = %y, %sz = %one)
      dynamic_shared_memory_size %bytes {workgroup} {{
    {constants}
    %full = arith.constant -1 : i32
    %lane_index = gpu.lane_id
    %lane = arith.index_cast %lane_index : index to i32
    {body}
    gpu.terminator
  }}
  return %done : i32
}}
"""


def _buffer(array):
    return f"memref<{array.size}x{TYPES[array.dtype]}, strided<[1], offset: ?>>"


def _entry(name, array):
    return f'{{element = {TYPES[array.dtype]}, name = "{name}", sizes = [{array.size}]}}'


def _fill(first, outputs):
    """A kernel before the kernel: the value that each output has at its start."""
    lines = ["gpu.launch blocks(%f, %fy, %fz) in (%hx = %one, %hy = %one, %hz = %one)"]
    lines.append("    threads(%ft, %fty, %ftz) in (%kx = %one, %ky = %one, %kz = %one) {")
    for i, output in enumerate(outputs):
        for at in range(output.size):
            kind = TYPES[output.dtype]
            lines.append(f"  %v{i}_{at} = arith.constant {first.reshape(-1)[at]} : {kind}")
            lines.append(f"  %at{i}_{at} = arith.constant {at} : index")
            lines.append("  " + store(f"%v{i}_{at}", f"%out{i}", f"%at{i}_{at}", output).strip())
    return "\n".join(lines + ["  gpu.terminator", "}"])


def write(body, inputs=(), outputs=(), threads=32, blocks=1, shared=0, workgroup="", first=None):
    """The IR of a function that launches the kernel.

    `threads` may be a pair; `first` is what outputs have at the start.
    """
    named = [(f"in{i}", a) for i, a in enumerate(inputs)] + [(f"out{i}", a) for i, a in enumerate(outputs)]
    x, y = threads if isinstance(threads, tuple) else (threads, 1)
    constants = [f"%c{n} = arith.constant {n} : i32\n    %i{n} = arith.constant {n} : index" for n in CONSTANTS]
    return KERNEL.format(
        parameters=", ".join(f"%{name}: {_buffer(a)}" for name, a in named),
        inputs=", ".join(_entry(*pair) for pair in named[: len(inputs)]),
        outputs=", ".join(_entry(*pair) for pair in named[len(inputs) :]),
        fill="" if first is None else _fill(first, outputs),
        x=x, y=y, blocks=blocks, shared=shared, body=body, constants="\n    ".join(constants),
        workgroup=f"workgroup({workgroup})" if workgroup else "",
    )  # fmt: skip


def run(body, inputs=(), outputs=(), **shape):
    """What the kernel leaves in buffers like `outputs`."""
    inputs = [np.ascontiguousarray(a).reshape(-1) for a in inputs]
    outputs = [np.array(a).reshape(-1) for a in outputs]
    text = write(body, inputs, outputs, **shape)
    harness.compile_ir(text, "--target=nvptx-emulated", "--from=mlir-loops").kernel.into(inputs, outputs)
    return outputs


def read(value, buffer, at, like):
    return f"{value} = memref.load {buffer}[{at}] : {_buffer(like.reshape(-1))}\n"


def store(value, buffer, at, like):
    return f"memref.store {value}, {buffer}[{at}] : {_buffer(like.reshape(-1))}\n"



def _address(name, buffer, kind, byte, space):
    return f"""
    {name}.base = memref.extract_aligned_pointer_as_index {buffer} : {kind} -> index
    {name}.first = arith.index_cast {name}.base : index to i64
    {name}.byte = arith.extsi {byte} : i32 to i64
    {name}.number = arith.addi {name}.first, {name}.byte : i64
    {name} = llvm.inttoptr {name}.number : i64 to !llvm.ptr<{space}>
    """


def shared_address(name, byte):
    """`name` points to a byte (i32) of the dynamic shared memory `%memory`."""
    return _address(name, "%memory", "!shared", byte, 3)


def global_address(name, buffer, byte, like):
    """`name` points to a byte (i32) of a buffer."""
    return _address(name, buffer, _buffer(like.reshape(-1)), byte, 1)
