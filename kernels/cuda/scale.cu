// Features scaled by columns and rows, and checked for NaN and inf: a warp per row of x (n, d).
// Reads x and writes out, 16 bytes at a time where rows are aligned; rows that are scaled to length
// 1 are read and written a second time, in the cache. Floor: 8 bytes per float32 number at the
// memory's bandwidth.

extern "C" __global__ void scale_rows(
    const real* x, const real* __restrict__ shift, const real* __restrict__ scale, int unit_rows,
    real* out, int* bad, int n, int d) {
  const int i = blockIdx.x * LINES + threadIdx.y;
  if (i >= n) return;  // the whole warp
  const real* from = x + (long long)i * d;
  real* to = out + (long long)i * d;
  const bool packed =
      d % PACK == 0 && aligned(x) && aligned(out) && aligned(shift) && aligned(scale);
  const int packs = packed ? d / PACK : 0;
  bool finite = true;
  real square = 0;
  auto scaled = [&](real value, real down, real by) {
    finite = finite && is_finite(value);
    const real result = (value - down) * by;
    square += result * result;
    return result;
  };

  for (int j = threadIdx.x; j < packs; j += WARP) {
    pack xs = ((const pack*)from)[j];
    const pack down = ((const pack*)shift)[j], by = ((const pack*)scale)[j];
    for (int k = 0; k < PACK; k++) xs.at[k] = scaled(xs.at[k], down.at[k], by.at[k]);
    ((pack*)to)[j] = xs;
  }
  for (int j = packs * PACK + threadIdx.x; j < d; j += WARP)
    to[j] = scaled(from[j], shift[j], scale[j]);
  if (!finite) atomicCAS(bad, 0, 1);

  const real length = REAL(sqrt)(warp_sum(square));
  if (!unit_rows || !(length > 0)) return;
  for (int j = threadIdx.x; j < packs; j += WARP) {  // a thread reads what it has written itself
    pack xs = ((const pack*)to)[j];
    for (int k = 0; k < PACK; k++) xs.at[k] /= length;
    ((pack*)to)[j] = xs;
  }
  for (int j = packs * PACK + threadIdx.x; j < d; j += WARP) to[j] /= length;
}
