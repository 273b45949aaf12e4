// Squared distance of two matrices and its gradient: reads x and target, writes dx, by 16 bytes
// where all three are aligned to them. Floor: 12 bytes per float32 number at the memory's
// bandwidth. total (kernels/cuda/reduce.cu) adds the blocks' sums.

extern "C" __global__ void squared_error(
    const real* __restrict__ x, const real* __restrict__ target, real twice, real* dx, real* parts,
    long long n) {
  const long long first = blockIdx.x * (long long)blockDim.x + threadIdx.x;
  const long long stride = (long long)gridDim.x * blockDim.x;
  const long long packs = aligned(x) && aligned(target) && aligned(dx) ? n / PACK : 0;
  real sum = 0;
  for (long long i = first; i < packs; i += stride) {
    pack xs = ((const pack*)x)[i];
    const pack targets = ((const pack*)target)[i];
    for (int k = 0; k < PACK; k++) {
      const real difference = xs.at[k] - targets.at[k];
      sum += difference * difference;
      xs.at[k] = twice * difference;
    }
    ((pack*)dx)[i] = xs;
  }
  for (long long i = packs * PACK + first; i < n; i += stride) {
    const real difference = x[i] - target[i];
    sum += difference * difference;
    dx[i] = twice * difference;
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}
