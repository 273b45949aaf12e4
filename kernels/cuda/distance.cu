// Euclidean distances: the work before and after their matrix product.
//
// centered_rows, a warp per row, reads x and writes u. negative_distances reads and writes the
// products, a thread keeping its column and walking down rows. Floor of both: 8 bytes per float32
// number at the memory's bandwidth.

extern "C" __global__ void centered_rows(
    const real* __restrict__ x, const real* __restrict__ center, real* u, real* squares, int n,
    int m) {
  const int i = blockIdx.x * LINES + threadIdx.y;
  if (i >= n) return;  // the whole warp
  const real* from = x + (long long)i * m;
  real* to = u + (long long)i * m;
  const int packs = m % PACK == 0 && aligned(x) && aligned(center) && aligned(u) ? m / PACK : 0;
  real square = 0;
  for (int j = threadIdx.x; j < packs; j += WARP) {
    pack xs = ((const pack*)from)[j];
    const pack down = ((const pack*)center)[j];
    for (int k = 0; k < PACK; k++) {
      xs.at[k] -= down.at[k];
      square += xs.at[k] * xs.at[k];
    }
    ((pack*)to)[j] = xs;
  }
  for (int j = packs * PACK + threadIdx.x; j < m; j += WARP) {
    const real difference = from[j] - center[j];
    to[j] = difference;
    square += difference * difference;
  }
  square = warp_sum(square);
  if (threadIdx.x == 0) squares[i] = square;
}

extern "C" __global__ void negative_distances(
    real* products, const real* __restrict__ u_squared, const real* __restrict__ v_squared, int n,
    int c) {
  const int j = blockIdx.x * WARP + threadIdx.x;
  if (j >= c) return;
  for (int i = blockIdx.y * LINES + threadIdx.y; i < n; i += gridDim.y * LINES) {
    real* place = products + (long long)i * c + j;
    const real square = u_squared[i] + v_squared[j] - 2 * *place;
    *place = -REAL(sqrt)(square < 0 ? (real)0 : square);
  }
}
