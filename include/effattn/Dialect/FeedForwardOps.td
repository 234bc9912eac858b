//===- FeedForwardOps.td - Feed-forward networks and routing -------------===//
#ifndef EFFATTN_FEED_FORWARD_OPS
#define EFFATTN_FEED_FORWARD_OPS

include "effattn/Dialect/EffAttnBase.td"

#endif // EFFATTN_FEED_FORWARD_OPS
