// RUN: effattn-opt %s -split-input-file -effattn-fuse-norm-matmul | FileCheck %s
// RUN: effattn-opt %s -split-input-file -effattn-fuse-norm-matmul -remark-format=emitRemark \
// RUN:   -remarks-filter=effattn-fuse-.* -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// The norm of a tile of rows stands where they are multiplied; no tensor holds
// all normalised rows.
// REMARK: remark: [Passed] norm-matmul
// CHECK-LABEL: @project
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xf32>, %[[N:.*]]: tensor<64xf32>
// CHECK-NOT:     effattn.rms_norm
// CHECK:         scf.forall {{.*}} step (8, 512)
// CHECK:           %[[TILE:.*]] = tensor.extract_slice %[[X]][{{.*}}, 0] [{{.*}}, 64] [1, 1]
// CHECK:           %[[EMPTY:.*]] = tensor.empty({{.*}}) : tensor<?x64xf32>
// CHECK:           %[[NORM:.*]] = effattn.rms_norm ins(%[[TILE]], %[[N]] : {{.*}}) outs(%[[EMPTY]] :
// CHECK:           linalg.fill
// CHECK:           linalg.matmul ins(%[[NORM]],
func.func @project(%x: tensor<?x64xf32>, %n: tensor<64xf32>, %w: tensor<64x1024xf32>, %out: tensor<?x1024xf32>)
    -> tensor<?x1024xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %rows = tensor.dim %x, %c0 : tensor<?x64xf32>
  %empty = tensor.empty(%rows) : tensor<?x64xf32>
  %norm = effattn.rms_norm ins(%x, %n : tensor<?x64xf32>, tensor<64xf32>) outs(%empty : tensor<?x64xf32>)
  %init = linalg.fill ins(%zero : f32) outs(%out : tensor<?x1024xf32>) -> tensor<?x1024xf32>
  %0 = linalg.matmul ins(%norm, %w : tensor<?x64xf32>, tensor<64x1024xf32>)
    outs(%init : tensor<?x1024xf32>) -> tensor<?x1024xf32>
  return %0 : tensor<?x1024xf32>
}

// -----

// Queries and keys of one norm, batched, all sizes dynamic: each product
// normalises its tiles.
// REMARK-COUNT-2: remark: [Passed] norm-matmul
// CHECK-LABEL: @queries_and_keys
// CHECK-NOT:     effattn.layer_norm
// CHECK:         scf.forall {{.*}} step (1, 8, 512)
// CHECK:           effattn.layer_norm
// CHECK:           linalg.contract
// CHECK:         scf.forall {{.*}} step (1, 8, 512)
// CHECK:           effattn.layer_norm
// CHECK:           linalg.contract
#x = affine_map<(b, t, c, f) -> (b, t, c)>
#w = affine_map<(b, t, c, f) -> (c, f)>
#y = affine_map<(b, t, c, f) -> (b, t, f)>
func.func @queries_and_keys(%x: tensor<?x?x?xf32>, %n: tensor<?xf32>, %wq: tensor<?x?xf32>, %wk: tensor<?x?xf32>,
    %empty: tensor<?x?x?xf32>, %q: tensor<?x?x?xf32>, %k: tensor<?x?x?xf32>)
    -> (tensor<?x?x?xf32>, tensor<?x?x?xf32>) {
  %norm = effattn.layer_norm ins(%x, %n : tensor<?x?x?xf32>, tensor<?xf32>) outs(%empty : tensor<?x?x?xf32>)
  %0 = linalg.contract indexing_maps = [#x, #w, #y] ins(%norm, %wq : tensor<?x?x?xf32>, tensor<?x?xf32>)
    outs(%q : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %1 = linalg.contract indexing_maps = [#x, #w, #y] ins(%norm, %wk : tensor<?x?x?xf32>, tensor<?x?xf32>)
    outs(%k : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  return %0, %1 : tensor<?x?x?xf32>, tensor<?x?x?xf32>
}

// -----

// Gate and up of a feed-forward network read the same rows.
// REMARK: remark: [Passed] norm-matmul
// CHECK-LABEL: @feed_forward
// CHECK-NOT:     effattn.rms_norm
// CHECK:         scf.forall {{.*}} step (8)
// CHECK:           %[[NORM:.*]] = effattn.rms_norm
// CHECK:           effattn.gated_ffn ins(%[[NORM]],
func.func @feed_forward(%x: tensor<?x8xf32>, %n: tensor<8xf32>, %g: tensor<8x16xf32>, %u: tensor<8x16xf32>,
    %d: tensor<16x8xf32>, %empty: tensor<?x8xf32>, %out: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %norm = effattn.rms_norm ins(%x, %n : tensor<?x8xf32>, tensor<8xf32>) outs(%empty : tensor<?x8xf32>)
  %0 = effattn.gated_ffn ins(%norm, %g, %u, %d : tensor<?x8xf32>, tensor<8x16xf32>, tensor<8x16xf32>, tensor<16x8xf32>)
    outs(%out : tensor<?x8xf32>)
  return %0 : tensor<?x8xf32>
}

// -----

// Not rows of the result: the norm would be computed for every row of the
// other factor. And the sum runs over rows, not along them.
// REMARK-NOT: remark
// CHECK-LABEL: @columns
// CHECK:         effattn.rms_norm
// CHECK-NOT:     scf.forall
#wi = affine_map<(i, j, k) -> (i, k)>
#xj = affine_map<(i, j, k) -> (j, k)>
#kj = affine_map<(i, j, k) -> (k, j)>
#ij = affine_map<(i, j, k) -> (i, j)>
func.func @columns(%x: tensor<8x8xf32>, %n: tensor<8xf32>, %w: tensor<8x8xf32>, %out: tensor<8x8xf32>)
    -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %norm = effattn.rms_norm ins(%x, %n : tensor<8x8xf32>, tensor<8xf32>) outs(%out : tensor<8x8xf32>)
  %0 = linalg.contract indexing_maps = [#wi, #xj, #ij] ins(%w, %norm : tensor<8x8xf32>, tensor<8x8xf32>)
    outs(%out : tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = linalg.contract indexing_maps = [#wi, #kj, #ij] ins(%w, %norm : tensor<8x8xf32>, tensor<8x8xf32>)
    outs(%out : tensor<8x8xf32>) -> tensor<8x8xf32>
  return %0, %1 : tensor<8x8xf32>, tensor<8x8xf32>
}
