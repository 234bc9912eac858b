//===- CodeChecks.cpp - Codes of tables that are out of their range -------===//
#include "effattn/Dialect/CodeChecks.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::effattn;

static Value byteConstant(OpBuilder &builder, Location loc, int64_t value) {
  return arith::ConstantIntOp::create(builder, loc, value, 8);
}

Value effattn::emitLeastCode(OpBuilder &builder, Location loc, Value codes,
                             Value row, int64_t bits, Value first, Value end) {
  auto load = [&](Value at) {
    return emit::load(builder, loc, codes, {row, at});
  };
  auto least = [&](Value before, Value code) -> Value {
    return arith::MinSIOp::create(builder, loc, before, code);
  };
  // A code of 4 bits in the upper half of its byte is -128 where it was -8.
  auto lowHalf = [&](Value byte) -> Value {
    return arith::ShLIOp::create(builder, loc, byte,
                                 byteConstant(builder, loc, 4));
  };
  auto highHalf = [&](Value byte) -> Value {
    return arith::AndIOp::create(builder, loc, byte,
                                 byteConstant(builder, loc, -16));
  };
  Value none = byteConstant(builder, loc, 127);
  Value one = emit::index(builder, loc, 1), two = emit::index(builder, loc, 2);
  if (bits == 8)
    return scf::ForOp::create(
               builder, loc, first, end, one, none,
               [&](OpBuilder &, Location, Value column, ValueRange before) {
                 scf::YieldOp::create(builder, loc,
                                      least(before[0], load(column)));
               })
        .getResult(0);
  Value last = arith::DivUIOp::create(builder, loc, end, two);
  Value whole =
      scf::ForOp::create(
          builder, loc, arith::DivUIOp::create(builder, loc, first, two), last,
          one, none,
          [&](OpBuilder &, Location, Value at, ValueRange before) {
            Value byte = load(at);
            scf::YieldOp::create(
                builder, loc,
                least(least(before[0], lowHalf(byte)), highHalf(byte)));
          })
          .getResult(0);
  // The upper half of a byte behind the last column is not looked at.
  Value isOdd =
      emit::lessThan(builder, loc, emit::mul(builder, loc, last, two), end);
  return scf::IfOp::create(
             builder, loc, isOdd,
             [&](OpBuilder &, Location) {
               scf::YieldOp::create(builder, loc,
                                    least(whole, lowHalf(load(last))));
             },
             [&](OpBuilder &, Location) {
               scf::YieldOp::create(builder, loc, whole);
             })
      .getResult(0);
}

void effattn::emitCodeCheck(OpBuilder &builder, Location loc, Operation *op,
                            StringRef name, int64_t bits, Value holds,
                            Value row) {
  int64_t most = (int64_t(1) << (bits - 1)) - 1;
  std::string message =
      llvm::formatv("expected the codes of {0} to lie in [-{1}, {1}], but got "
                    "-{2} in row {{0}",
                    name, most, most + 1);
  if (op)
    message = "'" + op->getName().getStringRef().str() + "' op " + message;
  CheckOp::create(builder, loc, holds, message, row);
}

void effattn::emitRowCodeChecks(OpBuilder &builder, Location loc, Operation *op,
                                const QuantizedTable &table, Value id) {
  Value zero = emit::index(builder, loc, 0);
  Value width = emit::size(builder, loc, table.codes8, 1);
  auto check = [&](StringRef name, Value codes, int64_t bits, Value row) {
    Value least = emitLeastCode(builder, loc, codes, row, bits, zero, width);
    Value holds =
        arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, least,
                              byteConstant(builder, loc, -128));
    emitCodeCheck(builder, loc, op, name, bits, holds, row);
  };
  Value row = emit::loadIndex(builder, loc, table.rowIndex, id);
  scf::IfOp::create(
      builder, loc, emit::load(builder, loc, table.rowKind, id),
      [&](OpBuilder &, Location) {
        check("codes8", table.codes8, 8, row);
        scf::YieldOp::create(builder, loc);
      },
      [&](OpBuilder &, Location) {
        check("codes4", table.codes4, 4, row);
        scf::YieldOp::create(builder, loc);
      });
  if (table.residualCodes)
    check("residual_codes", table.residualCodes, 4, id);
  if (!table.nearest)
    return;
  Value source = emit::loadIndex(builder, loc, table.nearest, id);
  scf::IfOp::create(
      builder, loc, emit::lessEqual(builder, loc, zero, source),
      [&](OpBuilder &, Location) {
        check("codes8", table.codes8, 8,
              emit::loadIndex(builder, loc, table.rowIndex, source));
        scf::YieldOp::create(builder, loc);
      });
}
