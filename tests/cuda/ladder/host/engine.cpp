// Runs a launch: blocks one after another, and in a block each warp as far as it can. An engine in
// lockstep would hide a __syncthreads that is missing or only a __syncwarp.
#include <immintrin.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "fibers.h"
#include "warp.h"

namespace emulator {

enum Schedule { FORWARD, BACKWARD, RANDOM };
constexpr size_t MAX_SHARED = 48 << 10;
constexpr int NOT_A_NUMBER = 0xff;  // four or eight of these bytes are a NaN

static struct Launch {
  void (*kernel)(void **);
  void **arguments;
  char *shared, *shared_end;  // null if the kernels have no shared memory
  unsigned shape[9];  // blockIdx, blockDim, gridDim
  unsigned threads, blocks;
  Schedule schedule;
  uint64_t random;
} launch;

unsigned coordinate(int which) {
  return which < BLOCK_INDEX ? current->index[which] : launch.shape[which - BLOCK_INDEX];
}

void barrier(Site site) {
  current->call = SYNCTHREADS;
  current->site = site;
  current->state = AT_BARRIER;
  wait_at_barrier();
}

static unsigned random_below(unsigned n) {  // xorshift
  launch.random ^= launch.random << 13;
  launch.random ^= launch.random >> 7;
  launch.random ^= launch.random << 17;
  return static_cast<unsigned>((launch.random >> 32) * n >> 32);
}

// The numbers below n in the order of the schedule.
static void arrange(unsigned *order, unsigned n) {
  for (unsigned i = 0; i < n; i++) order[i] = launch.schedule == BACKWARD ? n - 1 - i : i;
  if (launch.schedule != RANDOM) return;
  for (unsigned i = n; i > 1; i--) {
    const unsigned j = random_below(i), last = order[i - 1];
    order[i - 1] = order[j];
    order[j] = last;
  }
}

static void call_kernel() { launch.kernel(launch.arguments); }

static void run_warp(Fiber *warp) {
  unsigned order[WARP];
  do {
    arrange(order, WARP);
    for (unsigned lane : order) {
      if (warp[lane].state != READY) continue;
      if (!resume(warp[lane], call_kernel)) fail(warp[lane], "has overflowed its stack");
      if (failed()) return;
    }
  } while (complete_collectives(warp) && !failed());
}

static void fail_apart(const Fiber &waiting, const Fiber &other) {
  const unsigned *at = other.index;
  const Place place(waiting), other_place(other);
  if (other.state == RETURNED)
    fail(waiting, "waits at %s, but thread (%u, %u, %u) has returned", place.text, at[0], at[1],
         at[2]);
  else
    fail(waiting, "waits at %s, but thread (%u, %u, %u) waits at %s", place.text, at[0], at[1],
         at[2], other_place.text);
}

// No thread can go on by itself: opens the barrier that all wait at, or says who waits for whom.
// False when the block is done.
static bool open_barrier() {
  unsigned returned = 0;
  const Fiber *waiting = nullptr, *other = nullptr;
  for (unsigned i = 0; i < launch.threads; i++) {
    const Fiber &fiber = fibers[i];
    returned += fiber.state == RETURNED;
    if (fiber.state == AT_COLLECTIVE) {
      fail_apart(fiber, missing_lane(fibers + i / WARP * WARP, fiber));
      return false;
    }
    if (fiber.state == AT_BARRIER && waiting == nullptr) waiting = &fiber;
  }
  if (returned == launch.threads) return false;
  for (unsigned i = 0; i < launch.threads; i++)
    if (fibers[i].state == RETURNED || fibers[i].site.id != waiting->site.id) other = &fibers[i];
  if (other != nullptr) {
    fail_apart(*waiting, *other);
    return false;
  }
  for (unsigned i = 0; i < launch.threads; i++) fibers[i].state = READY;
  return true;
}

static void run_block(unsigned block) {
  const unsigned *size = launch.shape + 3, *grid = launch.shape + 6;
  launch.shape[0] = block % grid[0];
  launch.shape[1] = block / grid[0] % grid[1];
  launch.shape[2] = block / grid[0] / grid[1];
  if (launch.shared != nullptr)
    memset(launch.shared, NOT_A_NUMBER, launch.shared_end - launch.shared);
  for (unsigned i = 0; i < launch.threads; i++) {
    fibers[i].state = READY;
    fibers[i].index[0] = i % size[0];
    fibers[i].index[1] = i / size[0] % size[1];
    fibers[i].index[2] = i / size[0] / size[1];
  }
  begin_block(launch.threads);
  unsigned order[MAX_THREADS / WARP];
  const unsigned warps = launch.threads / WARP;
  do {
    arrange(order, warps);
    for (unsigned i = 0; i < warps && !failed(); i++) run_warp(fibers + order[i] * WARP);
  } while (!failed() && open_barrier());
  end_block();
}

static void run_grid(int64_t only_block) {
  unsigned *order = static_cast<unsigned *>(malloc(launch.blocks * sizeof(unsigned)));
  arrange(order, launch.blocks);
  begin_launch();
  for (unsigned i = 0; i < launch.blocks && !failed(); i++)
    if (only_block < 0 || only_block == order[i]) run_block(order[i]);
  end_launch(failed());
  free(order);
}

}  // namespace emulator

// For Python, which has checked the arguments and the shape (block, then grid). Returns the error
// or nullptr. Only one launch at a time.
extern "C" __attribute__((visibility("default"))) const char *emulator_run(
    void (*kernel)(void **), void (*shared_memory)(char **, char **), void **arguments,
    const unsigned *shape, int schedule, uint64_t seed, int64_t only_block) {
  using namespace emulator;
  forget_failure();
  shared_memory(&launch.shared, &launch.shared_end);
  const size_t shared = launch.shared_end - launch.shared;
  if (shared > MAX_SHARED)
    fail_launch("the text's kernels have %zu bytes of shared memory; the limit is %zu", shared,
                MAX_SHARED);
  launch.kernel = kernel;
  launch.arguments = arguments;
  memcpy(launch.shape + 3, shape, 6 * sizeof *shape);
  launch.threads = shape[0] * shape[1] * shape[2];
  launch.blocks = shape[3] * shape[4] * shape[5];
  launch.schedule = static_cast<Schedule>(schedule);
  launch.random = (seed + 1) * 0x9E3779B97F4A7C15u;
  const unsigned float_rules = _mm_getcsr();
#ifdef EMULATOR_FLUSH_TO_ZERO
  _mm_setcsr(float_rules | 0x8040);  // what is smaller than the normal numbers is 0
#endif
  if (!failed()) run_grid(only_block);
  _mm_setcsr(float_rules);
  return failure();
}
