//===- X86Features.cpp - How a CPU says what it has -----------------------===//
#include "X86Features.h"

namespace mlir::effattn {

// Bits of XCR0.
static constexpr uint32_t kAvx = 0x6, kAvx512 = 0xe6, kAmx = 0x60000,
                          kApx = 0x80000;

llvm::ArrayRef<X86Feature> getX86Features() {
  static const X86Feature features[] = {
      // name, leaf, subleaf, register, shift, mask, minimum, state
      {"sse3", 1, 0, 2, 0, 1, 1, 0},
      {"pclmul", 1, 0, 2, 1, 1, 1, 0},
      {"ssse3", 1, 0, 2, 9, 1, 1, 0},
      {"fma", 1, 0, 2, 12, 1, 1, kAvx},
      {"cx16", 1, 0, 2, 13, 1, 1, 0},
      {"sse4.1", 1, 0, 2, 19, 1, 1, 0},
      {"sse4.2", 1, 0, 2, 20, 1, 1, 0},
      {"crc32", 1, 0, 2, 20, 1, 1, 0},
      {"movbe", 1, 0, 2, 22, 1, 1, 0},
      {"popcnt", 1, 0, 2, 23, 1, 1, 0},
      {"aes", 1, 0, 2, 25, 1, 1, 0},
      {"avx", 1, 0, 2, 28, 1, 1, kAvx},
      {"f16c", 1, 0, 2, 29, 1, 1, kAvx},
      {"bmi", 7, 0, 1, 3, 1, 1, 0},
      {"avx2", 7, 0, 1, 5, 1, 1, kAvx},
      {"bmi2", 7, 0, 1, 8, 1, 1, 0},
      {"avx512f", 7, 0, 1, 16, 1, 1, kAvx512},
      {"avx512dq", 7, 0, 1, 17, 1, 1, kAvx512},
      {"adx", 7, 0, 1, 19, 1, 1, 0},
      {"avx512ifma", 7, 0, 1, 21, 1, 1, kAvx512},
      {"avx512cd", 7, 0, 1, 28, 1, 1, kAvx512},
      {"sha", 7, 0, 1, 29, 1, 1, 0},
      {"avx512bw", 7, 0, 1, 30, 1, 1, kAvx512},
      {"avx512vl", 7, 0, 1, 31, 1, 1, kAvx512},
      {"avx512vbmi", 7, 0, 2, 1, 1, 1, kAvx512},
      {"avx512vbmi2", 7, 0, 2, 6, 1, 1, kAvx512},
      {"gfni", 7, 0, 2, 8, 1, 1, 0},
      {"vaes", 7, 0, 2, 9, 1, 1, kAvx},
      {"vpclmulqdq", 7, 0, 2, 10, 1, 1, kAvx},
      {"avx512vnni", 7, 0, 2, 11, 1, 1, kAvx512},
      {"avx512bitalg", 7, 0, 2, 12, 1, 1, kAvx512},
      {"avx512vpopcntdq", 7, 0, 2, 14, 1, 1, kAvx512},
      {"avx512vp2intersect", 7, 0, 3, 8, 1, 1, kAvx512},
      {"amx-bf16", 7, 0, 3, 22, 1, 1, kAmx},
      {"avx512fp16", 7, 0, 3, 23, 1, 1, kAvx512},
      {"amx-tile", 7, 0, 3, 24, 1, 1, kAmx},
      {"amx-int8", 7, 0, 3, 25, 1, 1, kAmx},
      {"sha512", 7, 1, 0, 0, 1, 1, kAvx},
      {"sm3", 7, 1, 0, 1, 1, 1, kAvx},
      {"sm4", 7, 1, 0, 2, 1, 1, kAvx},
      {"avxvnni", 7, 1, 0, 4, 1, 1, kAvx},
      {"avx512bf16", 7, 1, 0, 5, 1, 1, kAvx512},
      {"amx-fp16", 7, 1, 0, 21, 1, 1, kAmx},
      {"avxifma", 7, 1, 0, 23, 1, 1, kAvx},
      {"avxvnniint8", 7, 1, 3, 4, 1, 1, kAvx},
      {"avxneconvert", 7, 1, 3, 5, 1, 1, kAvx},
      {"amx-complex", 7, 1, 3, 8, 1, 1, kAmx},
      {"avxvnniint16", 7, 1, 3, 10, 1, 1, kAvx},
      {"egpr", 7, 1, 3, 21, 1, 1, kApx},
      {"push2pop2", 7, 1, 3, 21, 1, 1, kApx},
      {"ppx", 7, 1, 3, 21, 1, 1, kApx},
      {"ndd", 7, 1, 3, 21, 1, 1, kApx},
      {"ccmp", 7, 1, 3, 21, 1, 1, kApx},
      {"nf", 7, 1, 3, 21, 1, 1, kApx},
      {"cf", 7, 1, 3, 21, 1, 1, kApx},
      {"zu", 7, 1, 3, 21, 1, 1, kApx},
      {"avx10.1", 0x24, 0, 1, 0, 255, 1, kAvx512},
      {"avx10.2", 0x24, 0, 1, 0, 255, 2, kAvx512},
      {"sahf", 0x80000001, 0, 2, 0, 1, 1, 0},
      {"lzcnt", 0x80000001, 0, 2, 5, 1, 1, 0},
      {"sse4a", 0x80000001, 0, 2, 6, 1, 1, 0},
      {"prfchw", 0x80000001, 0, 2, 8, 1, 1, 0},
      {"xop", 0x80000001, 0, 2, 11, 1, 1, kAvx},
      {"fma4", 0x80000001, 0, 2, 16, 1, 1, kAvx},
      {"tbm", 0x80000001, 0, 2, 21, 1, 1, 0},
  };
  return features;
}

} // namespace mlir::effattn
