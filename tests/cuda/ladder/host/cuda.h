// What CUDA C++ text sees when g++ compiles it for the emulator: CUDA's keywords and names, and no
// header of the C or C++ library. A name that is missing here fails to compile, and that is meant:
// the kernels use neither fast intrinsics nor dynamic shared memory.
#pragma once

#include "device_functions.h"
#include "engine.h"

#define __global__
#define __device__
#define __forceinline__ inline
#define __restrict__ __restrict
#define __launch_bounds__(...)
#define warpSize 32

// One block runs at a time, so one copy is enough. The section lets the engine find all of them and
// fill them with NaN. The address sanitizer guards only what is in no section of its own.
#ifdef __SANITIZE_ADDRESS__
#define __shared__ static
#else
#define __shared__ static __attribute__((section("emulated_shared"), used))
#endif

using size_t = decltype(sizeof(0));

struct uint3 {
  unsigned x, y, z;
};

namespace emulator {

inline uint3 coordinates(int first) {
  return {coordinate(first), coordinate(first + 1), coordinate(first + 2)};
}

template <class T>
unsigned long long to_bits(T value) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "a shuffle moves 4 or 8 bytes");
  unsigned long long bits = 0;
  __builtin_memcpy(&bits, &value, sizeof value);
  return bits;
}

template <class T>
T shuffle(Call call, Site site, unsigned mask, T value, int lane, int width = warpSize) {
  const unsigned long long bits = collective(call, site, mask, to_bits(value), lane, width);
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

inline unsigned vote(Call call, Site site, unsigned mask, int predicate) {
  return (unsigned)collective(call, site, mask, predicate != 0, 0, warpSize);
}

inline void syncwarp(Site site, unsigned mask = 0xffffffffu) {
  collective(SYNCWARP, site, mask, 0, 0, warpSize);
}

}  // namespace emulator

#define threadIdx (emulator::coordinates(emulator::THREAD_INDEX))
#define blockIdx (emulator::coordinates(emulator::BLOCK_INDEX))
#define blockDim (emulator::coordinates(emulator::BLOCK_SIZE))
#define gridDim (emulator::coordinates(emulator::GRID_SIZE))

#define EMULATOR_SITE (emulator::Site{__COUNTER__, __LINE__, __FILE__})
#define __syncthreads() emulator::barrier(EMULATOR_SITE)
#define __syncwarp(...) emulator::syncwarp(EMULATOR_SITE __VA_OPT__(, ) __VA_ARGS__)
#define __shfl_sync(...) emulator::shuffle(emulator::SHFL, EMULATOR_SITE, __VA_ARGS__)
#define __shfl_up_sync(...) emulator::shuffle(emulator::SHFL_UP, EMULATOR_SITE, __VA_ARGS__)
#define __shfl_down_sync(...) emulator::shuffle(emulator::SHFL_DOWN, EMULATOR_SITE, __VA_ARGS__)
#define __shfl_xor_sync(...) emulator::shuffle(emulator::SHFL_XOR, EMULATOR_SITE, __VA_ARGS__)
#define __ballot_sync(...) emulator::vote(emulator::BALLOT, EMULATOR_SITE, __VA_ARGS__)
#define __any_sync(...) (int)emulator::vote(emulator::ANY, EMULATOR_SITE, __VA_ARGS__)
#define __all_sync(...) (int)emulator::vote(emulator::ALL, EMULATOR_SITE, __VA_ARGS__)
