// C1: positions and a reach can be added.
LogicalResult @CLASS@Op::verify() {
  if (static_cast<int64_t>(getReach()) >= 0 && getReach() <= INT32_MAX)
    return success();
  return emitOpError("expected reach to be at least 0 and below 2^31, but got ")
         << static_cast<int64_t>(getReach());
}

/// q - reach <= k <= q + reach.
Value @CLASS@Op::emitKeep(OpBuilder &builder, Location loc,
                          const MaskPoint &point) {
  Value reach = emit::index(builder, loc, getReach());
  Value low = emit::sub(builder, loc, point.queryPosition, reach);
  Value high = emit::add(builder, loc, point.queryPosition, reach);
  Value notBefore = emit::lessEqual(builder, loc, low, point.keyPosition);
  Value notBehind = emit::lessEqual(builder, loc, point.keyPosition, high);
  return emit::logicalAnd(builder, loc, notBefore, notBehind);
}

/// All that the first to the last query reach.
MaskSupport @CLASS@Op::emitSupport(OpBuilder &builder, Location loc,
                                   const QueryRange &queries) {
  Value reach = emit::index(builder, loc, getReach());
  Value behind = emit::index(builder, loc, getReach() + 1);
  Value low = emit::sub(builder, loc, queries.first, reach);
  Value high = emit::add(builder, loc, queries.last, behind);
  KeyRange band{low, high};
  return {band, band};
}
