// What cuda.h calls and the engine defines. A kernel's text sees this file, so it includes nothing.
#pragma once

namespace emulator __attribute__((visibility("default"))) {

// A place in a kernel's text. The id is different for each place, also for two in one line.
struct Site {
  int id;
  int line;
  const char *file;
};

enum Call { SYNCTHREADS, SYNCWARP, SHFL, SHFL_UP, SHFL_DOWN, SHFL_XOR, BALLOT, ANY, ALL };

// Where coordinate() finds x; y and z follow it.
enum Coordinate { THREAD_INDEX = 0, BLOCK_INDEX = 3, BLOCK_SIZE = 6, GRID_SIZE = 9 };

// Never changes while a thread runs, which `const` tells the compiler: a loop asks only once.
__attribute__((const)) unsigned coordinate(int which);

// __syncthreads.
void barrier(Site site);

// Any other synchronising function of a warp: what it hands to the calling lane. `value` is the
// lane's number, bit for bit, or its predicate; `lane` and `width` matter to shuffles only.
unsigned long long collective(
    Call call, Site site, unsigned mask, unsigned long long value, int lane, int width);

}  // namespace emulator
