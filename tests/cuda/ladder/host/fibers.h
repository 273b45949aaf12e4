// Fibers: one stack per CUDA thread, and a scheduler that switches to one of them and back.
#pragma once

#include "engine.h"

namespace emulator {

constexpr unsigned MAX_THREADS = 1024;
constexpr unsigned WARP = 32;

enum State { READY, AT_BARRIER, AT_COLLECTIVE, RETURNED };

struct Fiber {
  State state;
  unsigned index[3];  // threadIdx
  void *stack_pointer;
  char *stack;  // null until the thread first runs
  // What it waits at, and for a collective what it brings and gets.
  Call call;
  Site site;
  unsigned mask;
  unsigned long long value, result;
  int lane, width;
  // For the thread sanitizer: its handle, and how often the fiber has waited at each kind.
  void *handle;
  unsigned barriers, collectives;
};

extern Fiber fibers[MAX_THREADS];
extern Fiber *current;  // the fiber that runs

// For the engine: before and after a launch, and before and after each block of this many threads.
// They leave `state` and `index` of a fiber to the caller.
void begin_launch();
void end_launch(bool failed);
void begin_block(unsigned threads);
void end_block();

// Runs a fiber until it waits or returns; `thread` is what each runs. False if its stack has
// overflowed.
bool resume(Fiber &fiber, void (*thread)());

// Called on a fiber: back to resume(), until somebody resumes this fiber.
void suspend();

// Called on a fiber, with state and site set: waits. What every thread of the block (or lane of the
// warp) did before it waited happens before what any of them does afterwards.
void wait_at_barrier();
void wait_at_collective();

}  // namespace emulator
