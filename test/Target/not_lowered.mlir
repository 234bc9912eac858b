// An op that no pass lowers is named, not the casts around it.
// RUN: not effattn-compile %s -o %t.o 2>&1 | FileCheck %s
// RUN: not effattn-compile %s --target=nvptx -o %t.ptx 2>&1 | FileCheck %s

// CHECK: not_lowered.mlir:[[@LINE+5]]:3: error: 'linalg.softmax' op is none that the compiler can lower for this target
func.func @f(%x: f32) -> f32 {
  %a = memref.alloc() : memref<4x4xf32>
  %b = memref.alloc() : memref<4x4xf32>
  linalg.fill ins(%x : f32) outs(%a : memref<4x4xf32>)
  linalg.softmax dimension(1) ins(%a : memref<4x4xf32>) outs(%b : memref<4x4xf32>)
  %zero = arith.constant 0 : index
  %first = memref.load %b[%zero, %zero] : memref<4x4xf32>
  return %first : f32
}
