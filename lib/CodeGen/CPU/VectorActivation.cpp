//===- VectorActivation.cpp - Functions between two layers, by vectors ----===//
#include "VectorActivation.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::effattn;

static Value magnitudeOf(VectorEmitter &e, Value x) {
  return math::AbsFOp::create(e.builder, e.loc, x);
}

/// x / (1 + exp(-z)) by p = exp(-|z|), which is at most 1: x / (1 + p), or
/// x p / (1 + p) where z is negative.
static Value sigmoidTimes(VectorEmitter &e, Value x, Value z) {
  Value power = e.expOfNegative(e.mulFloats(magnitudeOf(e, z), e.splat(-1.0)));
  Value above = e.select(e.lessFloats(z, e.zeros()), power, e.splat(1.0));
  Value share = e.divFloats(above, e.addFloats(e.splat(1.0), power));
  return e.mulFloats(x, share);
}

/// 1 - erf x. For x >= 0 it is exp(-x^2) t Q(t) with t = 1 / (1 + kScale x);
/// the polynomial was fitted to 4e-8 of the value over [0, 10].
static Value complementOfErf(VectorEmitter &e, Value x) {
  constexpr double kScale = 0.5;
  constexpr double kCoefficients[] = {
      -0.0590696931, 0.284578443, -0.487206817, 0.278074741, -0.0266306419,
      0.202688858,   0.243103296, 0.282375365,  0.282086402};
  Value a = magnitudeOf(e, x);
  Value t =
      e.divFloats(e.splat(1.0), e.mulAdd(a, e.splat(kScale), e.splat(1.0)));
  Value sum = e.splat(kCoefficients[0]);
  for (double coefficient : ArrayRef<double>(kCoefficients).drop_front())
    sum = e.mulAdd(sum, t, e.splat(coefficient));
  Value square = e.mulFloats(e.mulFloats(a, e.splat(-1.0)), a);
  Value tail = e.mulFloats(e.expOfNegative(square), e.mulFloats(t, sum));
  return e.select(e.lessFloats(x, e.zeros()), e.subFloats(e.splat(2.0), tail),
                  tail);
}

/// x / 2 (1 + erf(x / sqrt 2)).
static Value gelu(VectorEmitter &e, Value x) {
  Value scaled = e.mulFloats(x, e.splat(-1.0 / llvm::numbers::sqrt2));
  return e.mulFloats(e.mulFloats(x, e.splat(0.5)), complementOfErf(e, scaled));
}

/// (1 + tanh(h)) / 2 is 1 / (1 + exp(-2 h)), which keeps its digits.
static Value geluTanh(VectorEmitter &e, Value x) {
  Value cube = e.mulFloats(e.mulFloats(x, x), x);
  Value sum = e.mulAdd(cube, e.splat(0.044715), x);
  double scale = 2.0 * std::sqrt(2.0 / llvm::numbers::pi);
  return sigmoidTimes(e, x, e.mulFloats(sum, e.splat(scale)));
}

Value effattn::emitVectorActivation(VectorEmitter &emitter,
                                    Activation activation, Value x) {
  switch (activation) {
  case Activation::SiLU:
    return sigmoidTimes(emitter, x, x);
  case Activation::GELU:
    return gelu(emitter, x);
  case Activation::GELUTanh:
    return geluTanh(emitter, x);
  case Activation::ReLU:
    // NaN stays NaN.
    return emitter.select(emitter.lessFloats(x, emitter.zeros()),
                          emitter.zeros(), x);
  }
  llvm_unreachable("unknown activation");
}
