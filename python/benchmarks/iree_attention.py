# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention compiled by IREE, from its own attention op."""

from __future__ import annotations

import numpy as np

from benchmarks import peers

SOURCE = """func.func @main(%q: {q}, %k: {k}, %v: {k}) -> {q} {{
  %scale = arith.constant {scale} : f32
  %init = tensor.empty() : {q}
  %out = iree_linalg_ext.attention <{{indexing_maps = [
      affine_map<(h, m, n, d, e) -> (h, m, d)>, affine_map<(h, m, n, d, e) -> (h, n, d)>,
      affine_map<(h, m, n, d, e) -> (h, n, e)>, affine_map<(h, m, n, d, e) -> ()>,
      affine_map<(h, m, n, d, e) -> (h, m, e)>]}}>
      ins(%q, %k, %v, %scale : {q}, {k}, {k}, f32) outs(%init : {q}) {{
  ^bb0(%score: f32):
    iree_linalg_ext.yield %score : f32
  }} -> {q}
  return %out : {q}
}}"""


def prepare(q: np.ndarray, k: np.ndarray, v: np.ndarray):
    """Static sizes, compiled for this CPU; inputs lie in its device memory before the clock starts."""
    compiler, runtime = peers.need("iree.compiler"), peers.need("iree.runtime")
    (_, heads, queries, width), keys = q.shape, k.shape[2]
    text = SOURCE.format(
        q=f"tensor<{heads}x{queries}x{width}xf32>", k=f"tensor<{heads}x{keys}x{width}xf32>", scale=width**-0.5
    )
    binary = compiler.compile_str(
        text, target_backends=["llvm-cpu"], extra_args=["--iree-llvmcpu-target-cpu=host"]
    )
    if peers.threads() == 1:
        config = runtime.Config("local-sync")
    else:
        runtime.flags.parse_flags(f"--task_topology_group_count={peers.threads()}")
        config = runtime.Config("local-task")
    context = runtime.SystemContext(config=config)
    context.add_vm_module(runtime.VmModule.copy_buffer(context.instance, binary))
    main = context.modules.module.main
    arrays = [runtime.asdevicearray(config.device, np.ascontiguousarray(x[0])) for x in (q, k, v)]

    def call():
        return np.asarray(main(*arrays))[None]

    return call
