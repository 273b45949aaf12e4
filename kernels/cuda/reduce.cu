// The second stage of sums: adds the parts that the blocks of another kernel wrote. Reads its input
// once, which is small: the floor is the time to start a kernel.

// out[j] = sum of column j of x (rows, columns), for a (32, 8) block per 32 columns.
extern "C" __global__ void column_sums(
    const real* __restrict__ x, real* out, int rows, int columns) {
  const int j = blockIdx.x * WARP + threadIdx.x;
  real sum = 0;
  if (j < columns)
    for (int i = threadIdx.y; i < rows; i += LINES) sum += x[(long long)i * columns + j];
  sum = lines_sum(sum);
  if (threadIdx.y == 0 && j < columns) out[j] = sum;
}

// out[0] = scale * sum of x (n,), for one block.
extern "C" __global__ void total(const real* __restrict__ x, real* out, real scale, int n) {
  real sum = 0;
  for (int i = threadIdx.x; i < n; i += blockDim.x) sum += x[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) out[0] = scale * sum;
}
