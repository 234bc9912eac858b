// RUN: effattn-opt %s --transform-interpreter --split-input-file --verify-diagnostics

func.func @tensors(%x: tensor<?x64xf32>, %scale: tensor<64xf32>, %out: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // expected-note@+1 {{this op}}
  %norm = effattn.rms_norm ins(%x, %scale : tensor<?x64xf32>, tensor<64xf32>) outs(%out : tensor<?x64xf32>)
  return %norm : tensor<?x64xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %norm = transform.structured.match ops{["effattn.rms_norm"]} in %root : (!transform.any_op) -> !transform.any_op
    // expected-error@+1 {{expected an op whose operands are memrefs}}
    %made = transform.effattn.expand %norm : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}

// -----

func.func @no_expansion(%x: memref<?x64xf32>, %scale: memref<64xf32>, %out: memref<?x64xf32>) {
  // expected-note@+1 {{this op}}
  effattn.rms_norm ins(%x, %scale : memref<?x64xf32>, memref<64xf32>) outs(%out : memref<?x64xf32>)
  return
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %norm = transform.structured.match ops{["effattn.rms_norm"]} in %root : (!transform.any_op) -> !transform.any_op
    // expected-error@+1 {{there is no tuned expansion of 'effattn.rms_norm'}}
    %made = transform.effattn.expand %norm : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}

// -----

func.func @integers(%a: memref<4x4xi32>, %out: memref<4x4xi32>) {
  // expected-note@+1 {{this op}}
  linalg.matmul ins(%a, %a : memref<4x4xi32>, memref<4x4xi32>) outs(%out : memref<4x4xi32>)
  return
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %product = transform.structured.match ops{["linalg.matmul"]} in %root : (!transform.any_op) -> !transform.any_op
    // expected-error@+1 {{expected a product of matrices of floats, outside of parallel loops}}
    %made = transform.effattn.expand %product : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}

// -----

// A failure that is suppressed leaves the op, and the schedule goes on.
func.func @suppressed(%x: memref<?x64xf32>, %scale: memref<64xf32>, %out: memref<?x64xf32>) {
  // expected-remark@+1 {{still here}}
  effattn.rms_norm ins(%x, %scale : memref<?x64xf32>, memref<64xf32>) outs(%out : memref<?x64xf32>)
  return
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    transform.sequence %root : !transform.any_op failures(suppress) {
    ^bb0(%inside: !transform.any_op):
      %norm = transform.structured.match ops{["effattn.rms_norm"]} in %inside : (!transform.any_op) -> !transform.any_op
      %made = transform.effattn.expand %norm : (!transform.any_op) -> !transform.any_op
    }
    %norm = transform.structured.match ops{["effattn.rms_norm"]} in %root : (!transform.any_op) -> !transform.any_op
    transform.debug.emit_remark_at %norm, "still here" : !transform.any_op
    transform.yield
  }
}

// -----

func.func @memrefs(%x: memref<?x64xf32>, %scale: memref<64xf32>, %out: memref<?x64xf32>) {
  // expected-note@+1 {{this op}}
  effattn.rms_norm ins(%x, %scale : memref<?x64xf32>, memref<64xf32>) outs(%out : memref<?x64xf32>)
  return
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %norm = transform.structured.match ops{["effattn.rms_norm"]} in %root : (!transform.any_op) -> !transform.any_op
    // expected-error@+1 {{expected an op whose operands are tensors}}
    %made = transform.effattn.lower_to_linalg %norm : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}

// -----

func.func @no_lowering(%a: tensor<4x4xf32>, %out: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-note@+1 {{this op}}
  %product = linalg.matmul ins(%a, %a : tensor<4x4xf32>, tensor<4x4xf32>) outs(%out : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %product : tensor<4x4xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %product = transform.structured.match ops{["linalg.matmul"]} in %root : (!transform.any_op) -> !transform.any_op
    // expected-error@+1 {{there is no lowering of 'linalg.matmul' to linalg}}
    %made = transform.effattn.lower_to_linalg %product : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}

// -----

// C1
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    // expected-error@+1 {{expected a tiling to be one of first-cache}}
    %made = transform.effattn.expand %root tiling {keys = 64} : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}

// -----

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    // expected-error@+1 {{expected tiling 'key-tile' to be an i64, but got 64 : index}}
    %made = transform.effattn.expand %root tiling {"key-tile" = 64 : index} : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}

// -----

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    // expected-error@+1 {{expected vector-bits to be 128, 256 or 512, but got 100}}
    %made = transform.effattn.expand %root {vector_bits = 100} : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}
