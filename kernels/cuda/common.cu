// What the kernels share. The text before this one defines `real`, float or double, and REAL(f),
// its C library's f: REAL(exp) is expf or exp.
//
// A block is a number of whole warps, as (32, 8) threads where rows and columns matter. Every
// *_sync has the full mask. No two blocks write to the same element: for a sum over blocks, each
// block writes its part, and column_sums or total (kernels/cuda/reduce.cu) adds the parts. So a
// result never depends on the order in which blocks run.

#define FULL 0xffffffffu
#define PACK (16 / (int)sizeof(real))  // numbers that one load or store of 16 bytes moves

struct alignas(16) pack {
  real at[PACK];
};

static __device__ bool aligned(const void* p) { return (unsigned long long)p % 16 == 0; }

static __device__ bool is_finite(real x) { return x - x == (real)0; }

// The sum over the lanes of a warp, in every lane.
static __device__ real warp_sum(real x) {
  for (int lanes = WARP / 2; lanes > 0; lanes /= 2) x += __shfl_xor_sync(FULL, x, lanes);
  return x;
}

// The larger of two numbers, NaN if one is.
static __device__ real larger(real x, real y) { return x > y || x != x ? x : y; }

// The largest number in a warp, in every lane.
static __device__ real warp_max(real x) {
  for (int lanes = WARP / 2; lanes > 0; lanes /= 2)
    x = larger(x, __shfl_xor_sync(FULL, x, lanes));
  return x;
}

// The sum over a block of one row of threads, in every thread.
static __device__ real block_sum(real x) {
  __shared__ real parts[WARP];
  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
  x = warp_sum(x);
  __syncthreads();  // every thread has read the parts of the previous sum
  if (lane == 0) parts[warp] = x;
  __syncthreads();
  return warp_sum(lane < blockDim.x / WARP ? parts[lane] : (real)0);
}

// For a (32, 8) block: the sum over the eight threads with this threadIdx.x, in each of them.
static __device__ real lines_sum(real x) {
  __shared__ real parts[LINES][WARP];
  __syncthreads();  // every thread has read the parts of the previous sum
  parts[threadIdx.y][threadIdx.x] = x;
  __syncthreads();
  real sum = 0;
  for (int line = 0; line < LINES; line++) sum += parts[line][threadIdx.x];
  return sum;
}
