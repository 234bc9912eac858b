// RUN: not effattn-opt %s -effattn-expand-attention='vector-bits=0' 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not effattn-opt %s -effattn-expand-contractions='vector-bits=384' 2>&1 | FileCheck %s --check-prefix=BETWEEN
// RUN: not effattn-opt %s -effattn-expand-contractions='vector-bits=256 pair-dots' 2>&1 | FileCheck %s --check-prefix=PAIRS
// RUN: not effattn-opt %s -effattn-expand-quantized='short-dots' 2>&1 | FileCheck %s --check-prefix=SHORT
// RUN: not effattn-opt %s -effattn-expand-quantized='vector-bits=4096' 2>&1 | FileCheck %s --check-prefix=WIDE
// RUN: not effattn-opt %s -effattn-expand-attention=tiling=key-tile:7 2>&1 | FileCheck %s --check-prefix=TILING
// RUN: not effattn-opt %s -effattn-expand-product-softmax='vector-registers=0' 2>&1 | FileCheck %s --check-prefix=REGISTERS
// RUN: not effattn-opt %s -effattn-convert-to-linalg='except=effattn.chunc' 2>&1 | FileCheck %s --check-prefix=EXCEPT

// NONE: error: expected vector-bits to be 128, 256 or 512, but got 0
// BETWEEN: error: expected vector-bits to be 128, 256 or 512, but got 384
// PAIRS: error: expected vector-bits to be 512 with pair-dots, but got 256
// SHORT: error: expected vector-bits to be 256 or 512 with short-dots, but got 128
// WIDE: error: expected vector-bits to be 128, 256 or 512, but got 4096
// TILING: error: expected key-tile to be a multiple of 16 from 16 to 4096, but got '7'
// REGISTERS: error: expected vector-registers to be at least 1, but got 0
// EXCEPT: error: expected 'except' to name ops, but there is no op 'effattn.chunc'
module {}
