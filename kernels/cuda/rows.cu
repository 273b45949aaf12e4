// Rows picked by index, and columns summed by index, for (32, 8) blocks.
//
// gather_rows reads and writes each chosen number once, by 16 bytes where rows are aligned to them.
// Floor: 8 bytes per float32 number at the memory's bandwidth, or 4 at the bus's where x lies in
// pinned memory of the host.
// segment_sum lets every thread add up its own segment in the order of the columns: h c segments
// comparisons on a row that stays in the cache. Floor: the larger of those and 4 h (c + segments)
// bytes. WholeRowCritic does not need it; OneLayerCritic on CuPy arrays does.

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
