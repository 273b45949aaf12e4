// Bias and piecewise-linear activation of a layer of `columns` units, for (32, 8) blocks.
//
// bias_activation reads and writes s once, by 16 bytes where rows are aligned to them; a thread
// keeps its biases and walks down the rows. Floor: 8 bytes per float32 number at the memory's
// bandwidth. activation_gradient reads dy and y and writes ds. A block owns 32 columns of STRIP
// rows, reads 128 bytes of a row at once and sums its columns: no number is read twice. Floor: 12
// bytes per number.

extern "C" __global__ void bias_activation(
    real* s, const real* __restrict__ b, real slope, int rows, int columns) {
  const int row = blockIdx.y * LINES + threadIdx.y, rows_at_once = gridDim.y * LINES;
  const int column = blockIdx.x * WARP + threadIdx.x, columns_at_once = gridDim.x * WARP;
  auto phi = [&](real x) { return x > 0 ? x : slope * x; };

  if (columns % PACK == 0 && aligned(s) && aligned(b)) {
    for (int j = column; j < columns / PACK; j += columns_at_once) {
      const pack bias = ((const pack*)b)[j];
      for (int i = row; i < rows; i += rows_at_once) {
        pack* place = (pack*)(s + (long long)i * columns) + j;
        pack x = *place;
        for (int k = 0; k < PACK; k++) x.at[k] = phi(x.at[k] + bias.at[k]);
        *place = x;
      }
    }
    return;
  }
  for (int j = column; j < columns; j += columns_at_once)
    for (int i = row; i < rows; i += rows_at_once) {
      real* place = s + (long long)i * columns + j;
      *place = phi(*place + b[j]);
    }
}

// Block (x, y) writes the sums of its rows to db[x, 32 y ...].
extern "C" __global__ void activation_gradient(
    const real* __restrict__ dy, const real* __restrict__ y, real slope, real* ds, real* db,
    int rows, int columns) {
  const int j = blockIdx.y * WARP + threadIdx.x;
  const int end = min(rows, ((int)blockIdx.x + 1) * STRIP);
  real sum = 0;
  if (j < columns)
    for (int i = blockIdx.x * STRIP + threadIdx.y; i < end; i += LINES) {
      const long long at = (long long)i * columns + j;
      const real d = y[at] > 0 ? dy[at] : slope * dy[at];
      ds[at] = d;
      sum += d;
    }
  sum = lines_sum(sum);
  if (threadIdx.y == 0 && j < columns) db[(long long)blockIdx.x * columns + j] = sum;
}
