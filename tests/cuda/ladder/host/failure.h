// The first error of a launch, as one sentence with the block and the thread.
#pragma once

#include "fibers.h"

namespace emulator {

// Where a fiber is: "__syncthreads (adam.cu:12)".
struct Place {
  explicit Place(const Fiber &fiber);
  char text[160];
};

__attribute__((format(printf, 2, 3))) void fail(const Fiber &fiber, const char *format, ...);
__attribute__((format(printf, 1, 2))) void fail_launch(const char *format, ...);
bool failed();
void forget_failure();
const char *failure();  // nullptr if there is none

}  // namespace emulator
