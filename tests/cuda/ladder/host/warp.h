// The collectives of a warp.
#pragma once

#include "fibers.h"

namespace emulator {

// Completes what the lanes of a warp wait at, wherever all lanes of a mask have arrived. True if
// some lane may go on.
bool complete_collectives(Fiber *warp);

// The first lane that this one waits for and that has not arrived.
const Fiber &missing_lane(const Fiber *warp, const Fiber &waiting);

}  // namespace emulator
