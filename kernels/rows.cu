// Rows picked by index, and columns summed by index, for (32, 8) blocks.
//
// gather_rows reads and writes each chosen number once, 8 bytes in float32, by 16 bytes where rows
// are aligned to them; x may also lie in pinned host memory, read over the bus. segment_sum reads a
// row of values from memory once and then, segment by segment, from the cache; it writes h segments
// numbers. Every thread adds up its own segment in the order of the columns.

extern "C" __global__ void gather_rows(
    const real* __restrict__ x, const long long* __restrict__ rows, real* out, int n, int d) {
  const int column = blockIdx.x * WARP + threadIdx.x, columns_at_once = gridDim.x * WARP;
  const bool packed = d % PACK == 0 && aligned(x) && aligned(out);
  for (int i = blockIdx.y * LINES + threadIdx.y; i < n; i += gridDim.y * LINES) {
    const real* from = x + rows[i] * d;
    real* to = out + (long long)i * d;
    if (packed)
      for (int j = column; j < d / PACK; j += columns_at_once)
        ((pack*)to)[j] = ((const pack*)from)[j];
    else
      for (int j = column; j < d; j += columns_at_once) to[j] = from[j];
  }
}

extern "C" __global__ void segment_sum(
    const real* __restrict__ values, const long long* __restrict__ index, real* out, int h, int m,
    int c, int segments) {
  const int segment = blockIdx.x * WARP + threadIdx.x;
  const int r = blockIdx.y * LINES + threadIdx.y;
  if (segment >= segments || r >= h) return;
  real sum = 0;
  for (int i = 0; i < c; i++)
    if (index[i] == segment) sum += values[(long long)r * m + i];
  out[(long long)r * segments + segment] = sum;
}
