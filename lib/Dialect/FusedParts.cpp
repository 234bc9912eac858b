//===- FusedParts.cpp - What a fused op was made of -----------------------===//
#include "effattn/Dialect/FusedParts.h"
#include "effattn/Dialect/Place.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace mlir::effattn;

/// The parts beside a location, in a list of names with places.
static ArrayAttr getParts(Location location) {
  auto fused = dyn_cast<FusedLoc>(location);
  auto parts =
      fused ? dyn_cast_or_null<ArrayAttr>(fused.getMetadata()) : ArrayAttr();
  return parts && llvm::all_of(parts, llvm::IsaPred<NameLoc>) ? parts
                                                              : ArrayAttr();
}

static Location getPlace(Location location) {
  return getParts(location) ? cast<FusedLoc>(location).getLocations().front()
                            : location;
}

Location effattn::fuseLocation(Location place, ArrayRef<Operation *> parts) {
  Builder builder(place.getContext());
  SmallVector<Attribute> entries;
  for (Operation *part : parts) {
    if (ArrayAttr inner = getParts(part->getLoc()))
      llvm::append_range(entries, inner);
    else
      entries.push_back(
          NameLoc::get(part->getName().getIdentifier(), part->getLoc()));
  }
  return FusedLoc::get(place.getContext(), getPlace(place),
                       builder.getArrayAttr(entries));
}

LogicalResult effattn::insertIfValid(RewriterBase &rewriter, Block &made,
                                     Operation *place) {
  // The user wrote no such op, so its errors are not said.
  ScopedDiagnosticHandler silence(place->getContext(),
                                  [](Diagnostic &) { return success(); });
  for (Operation &op : made)
    if (failed(verify(&op)))
      return failure();
  for (Operation &op : llvm::make_early_inc_range(made))
    rewriter.moveOpBefore(&op, place);
  return success();
}

std::vector<FusedPart> effattn::getFusedParts(Location location) {
  std::vector<FusedPart> parts;
  if (ArrayAttr entries = getParts(location))
    for (NameLoc part : entries.getAsRange<NameLoc>())
      parts.push_back(
          {part.getName().str(), describePlace(part.getChildLoc())});
  return parts;
}
