//===- ExpandConcepts.cpp - Gather the rows at boundaries by vectors ------===//
#include "Expansion.h"
#include "VectorEmitter.h"
#include "effattn/CodeGen/CPU/Passes.h"
#include "effattn/Dialect/CheckNamer.h"
#include "effattn/Dialect/ConceptOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_EXPANDCONCEPTSPASS
#include "effattn/CodeGen/CPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

/// Tokens of a block, whose boundaries are counted.
static constexpr int64_t kBlockTokens = 1024;
/// Blocks whose boundaries are listed together: in one there may be too few to
/// ask for rows ahead of time.
static constexpr int64_t kListedBlocks = 8;
/// Flags that are looked at together, as the bits of a word, and boundaries of
/// a word that are written together, whether they are there or not.
static constexpr int64_t kWordTokens = 64, kTogether = 4;
/// Tasks of a row of the batch: more would make and free scratch more often.
static constexpr int64_t kMostTasks = 64;
/// Vectors of a row that are in registers at once.
static constexpr int64_t kBlockVectors = 4;
/// How many kept rows ahead the CPU is asked for.
static constexpr int64_t kRowsAhead = 8;

namespace {
/// Counts the boundaries before each block of tokens, so that blocks can then
/// be gathered in any order.
class ChunkExpansion {
public:
  ChunkExpansion(OpBuilder &builder, ChunkOp op, const CpuModel &cpu)
      : emitter(builder, op.getLoc(), cpu), op(op) {}

  void run();

private:
  using Block = VectorEmitter::Block;

  void countBefore(Value row);
  void checkCounts(Value rows);
  void storeCount(Value row);
  void gatherBlocks(Value row, Value block, Value endBlock, Value places);
  void clear(Value row, Value first, Value end);
  /// The tokens in [first, end) that are boundaries, into `places`.
  void findBoundaries(Value row, Value first, Value end, Value places);
  void copyRow(Value row, Value token, Value concept);

  /// The boundaries among tokens [token, end), at most kWordTokens, as the bits
  /// of an i64.
  Value loadWord(Value row, Value token, Value end);
  Value loadWholeWord(Value row, Value token);
  Value loadShortWord(Value row, Value token, Value end);
  Value integer(int64_t number) {
    return arith::ConstantIntOp::create(emitter.builder, emitter.loc, number,
                                        kWordTokens);
  }
  Value loadBefore(Value row, Value block) {
    return emit::load(emitter.builder, emitter.loc, before, {row, block});
  }
  void storeIndex(Value number, Value memory, ValueRange at) {
    memref::StoreOp::create(emitter.builder, emitter.loc, number, memory, at);
  }
  Value validTokens(Value row) {
    return op.getLengths() ? emit::loadIndex(emitter.builder, emitter.loc,
                                             op.getLengths(), row)
                           : emitter.size(op.getMask(), 1);
  }

  VectorEmitter emitter;
  ChunkOp op;
  Value h, mask, concepts, capacity, width;
  /// The boundaries of a row before each block, and all of them.
  Value before, tokenBlocks;
};
} // namespace

void ChunkExpansion::run() {
  VectorEmitter &e = emitter;
  h = e.contiguous(op.getH());
  mask = e.contiguous(op.getMask());
  concepts = e.isContiguous(op.getConcepts()) ? Value(op.getConcepts())
                                              : e.scratchLike(op.getConcepts());
  capacity = e.size(concepts, 1);
  width = e.size(concepts, 2);
  Value rows = e.size(concepts, 0);
  tokenBlocks = e.ceilDiv(e.size(op.getMask(), 1), kBlockTokens);
  // Blocks of concepts are cleared along with as many blocks of tokens.
  Value blocks = e.max(tokenBlocks, e.ceilDiv(capacity, kBlockTokens));
  // At least 1: 0 blocks are no task.
  Value step = e.max(e.ceilDiv(blocks, kMostTasks), e.index(1));
  before = e.scratch({rows, e.add(tokenBlocks, 1)}, e.builder.getIndexType());
  e.parallel(rows, [&](ValueRange at) { countBefore(at[0]); });
  if (mayOverflow(op))
    checkCounts(rows);
  e.loop(e.index(0), rows, 1, [&](Value row) { storeCount(row); });
  Value tasks = e.ceilDiv(blocks, step);
  e.parallel({rows, tasks}, [&](ValueRange at) {
    Value first = e.mul(at[1], step);
    Value end = e.add(first, step);
    Value endBlock = e.min(end, tokenBlocks);
    Value places = e.scratch(e.fixed(kListedBlocks * kBlockTokens + kTogether),
                             e.builder.getIndexType());
    e.loop(first, endBlock, kListedBlocks, [&](Value block) {
      gatherBlocks(at[0], block, e.min(e.add(block, kListedBlocks), endBlock),
                   places);
    });
    clear(at[0], e.mul(first, kBlockTokens), e.mul(end, kBlockTokens));
  });
  if (concepts != op.getConcepts())
    linalg::makeMemRefCopyOp(e.builder, e.loc, concepts, op.getConcepts());
  op.erase();
}

static Value countBits(VectorEmitter &e, Value word) {
  return emit::toIndex(e.builder, e.loc,
                       math::CtPopOp::create(e.builder, e.loc, word));
}

void ChunkExpansion::countBefore(Value row) {
  VectorEmitter &e = emitter;
  Value tokens = validTokens(row);
  SmallVector<Value> total = e.loop(
      e.index(0), tokenBlocks, 1, e.index(0),
      [&](Value block, ValueRange sofar) {
        storeIndex(sofar[0], before, {row, block});
        Value first = e.mul(block, kBlockTokens);
        Value end = e.min(e.add(first, kBlockTokens), tokens);
        return e.loop(first, end, kWordTokens, sofar,
                      [&](Value token, ValueRange count) -> SmallVector<Value> {
                        Value word = loadWord(row, token, end);
                        return {e.add(count[0], countBits(e, word))};
                      });
      });
  storeIndex(total[0], before, {row, tokenBlocks});
}

/// Nothing is written before the boundaries of all rows are known to fit.
void ChunkExpansion::checkCounts(Value rows) {
  VectorEmitter &e = emitter;
  CheckNamer namer(op);
  e.loop(e.index(0), rows, 1, [&](Value row) {
    Value count = loadBefore(row, tokenBlocks);
    OpBuilder named(e.builder.getContext(), &namer);
    named.restoreInsertionPoint(e.builder.saveInsertionPoint());
    checkCapacity(named, op, row, count);
  });
}

void ChunkExpansion::storeCount(Value row) {
  VectorEmitter &e = emitter;
  Value kept = e.min(loadBefore(row, tokenBlocks), capacity);
  storeIndex(emit::fromIndex(e.builder, e.loc, kept, e.builder.getI32Type()),
             op.getCounts(), row);
}

void ChunkExpansion::gatherBlocks(Value row, Value block, Value endBlock,
                                  Value places) {
  VectorEmitter &e = emitter;
  Value first = e.mul(block, kBlockTokens);
  Value end = e.min(e.mul(endBlock, kBlockTokens), validTokens(row));
  Value concept = e.min(loadBefore(row, block), capacity);
  Value next = e.min(loadBefore(row, endBlock), capacity);
  e.choose(e.lessThan(concept, next), [&] {
    findBoundaries(row, first, end, places);
    Value count = e.sub(next, concept), last = e.sub(count, e.index(1));
    auto placeOf = [&](Value number) {
      return emit::load(e.builder, e.loc, places, number);
    };
    e.loop(e.index(0), count, 1, [&](Value number) {
      Value ahead = placeOf(e.min(e.add(number, kRowsAhead), last));
      e.prefetchRow(h, {row, ahead});
      copyRow(row, placeOf(number), e.add(concept, number));
    });
  });
}

/// Flags are bytes of memory, of which the lowest bit counts. There is no
/// vector of i1 that lies in memory like this.
Value ChunkExpansion::loadWholeWord(Value row, Value token) {
  VectorEmitter &e = emitter;
  OpBuilder &b = e.builder;
  auto layout = memref::ExtractStridedMetadataOp::create(b, e.loc, mask);
  Value address =
      memref::ExtractAlignedPointerAsIndexOp::create(b, e.loc, mask);
  address = e.add(e.add(address, layout.getOffset()),
                  e.add(e.mul(row, layout.getStrides()[0]), token));
  Value pointer = LLVM::IntToPtrOp::create(
      b, e.loc, LLVM::LLVMPointerType::get(b.getContext()),
      emit::fromIndex(b, e.loc, address, b.getI64Type()));
  auto bytes = VectorType::get(kWordTokens, b.getI8Type());
  Value flags = LLVM::LoadOp::create(b, e.loc, bytes, pointer, /*alignment=*/1);
  auto all = [&](int8_t number) -> Value {
    return arith::ConstantOp::create(b, e.loc,
                                     DenseElementsAttr::get(bytes, number));
  };
  flags = arith::CmpIOp::create(b, e.loc, arith::CmpIPredicate::ne,
                                arith::AndIOp::create(b, e.loc, flags, all(1)),
                                all(0));
  Value word = vector::BitCastOp::create(
      b, e.loc, VectorType::get(1, b.getI64Type()), flags);
  return vector::ExtractOp::create(b, e.loc, word, 0);
}

Value ChunkExpansion::loadShortWord(Value row, Value token, Value end) {
  VectorEmitter &e = emitter;
  OpBuilder &b = e.builder;
  return e.loop(token, end, 1, integer(0),
                [&](Value at, ValueRange word) -> SmallVector<Value> {
                  Value bit = emit::load(b, e.loc, mask, {row, at});
                  bit = arith::ExtUIOp::create(b, e.loc, b.getI64Type(), bit);
                  Value place = emit::fromIndex(b, e.loc, e.sub(at, token),
                                                b.getI64Type());
                  bit = arith::ShLIOp::create(b, e.loc, bit, place);
                  return {arith::OrIOp::create(b, e.loc, word[0], bit)};
                })[0];
}

Value ChunkExpansion::loadWord(Value row, Value token, Value end) {
  VectorEmitter &e = emitter;
  Value isWhole = e.lessEqual(e.add(token, kWordTokens), end);
  return e.choose(
      isWhole, TypeRange{e.builder.getI64Type()},
      [&] { return SmallVector<Value>{loadWholeWord(row, token)}; },
      [&] { return SmallVector<Value>{loadShortWord(row, token, end)}; })[0];
}

/// A few boundaries of a word are written in any case, and what is none is
/// written over by the next ones: no branch depends on a flag where few are
/// set.
void ChunkExpansion::findBoundaries(Value row, Value first, Value end,
                                    Value places) {
  VectorEmitter &e = emitter;
  OpBuilder &b = e.builder;
  e.loop(first, end, kWordTokens, e.index(0),
         [&](Value token, ValueRange before) -> SmallVector<Value> {
           Value word = loadWord(row, token, end), count = countBits(e, word);
           e.loop(e.index(0), e.max(count, e.index(1)), kTogether, word,
                  [&](Value found, ValueRange left) -> SmallVector<Value> {
                    Value bits = left[0], to = e.add(before[0], found);
                    for (int64_t number = 0; number < kTogether; ++number) {
                      Value bit =
                          math::CountTrailingZerosOp::create(b, e.loc, bits);
                      storeIndex(e.add(token, emit::toIndex(b, e.loc, bit)),
                                 places, e.add(to, number));
                      bits = arith::AndIOp::create(b, e.loc, bits,
                                                   e.sub(bits, integer(1)));
                    }
                    return {bits};
                  });
           return {e.add(before[0], count)};
         });
}

void ChunkExpansion::copyRow(Value row, Value token, Value concept) {
  emitter.overBlocks(width, kBlockVectors, [&](const Block &block) {
    emitter.copy(h, {row, token}, concepts, {row, concept}, block);
  });
}

/// Zeros in [first, end) that lie behind the last concept of a row.
void ChunkExpansion::clear(Value row, Value first, Value end) {
  VectorEmitter &e = emitter;
  Value kept = loadBefore(row, tokenBlocks);
  e.loop(e.max(first, kept), e.min(end, capacity), 1, [&](Value concept) {
    e.overBlocks(width, kBlockVectors, [&](const Block &block) {
      for (auto [column, mask] : llvm::zip(block.columns, block.masks))
        e.store(e.zeros(), concepts, {row, concept, column}, mask);
    });
  });
}

void effattn::expand(OpBuilder &builder, ChunkOp op, const CpuModel &cpu) {
  ChunkExpansion(builder, op, cpu).run();
}

namespace {
struct ExpandConceptsPass
    : ExpansionPass<effattn::impl::ExpandConceptsPassBase, ExpandConceptsPass> {
  using ExpansionPass::ExpansionPass;

  void expandAll(const CpuModel &cpu) { expandEach<ChunkOp>(cpu); }
};
} // namespace
