// The confidence score of eq. 7, after softmax_loss_forward has left entropy, top and log_t of each
// row. expected_probabilities reads the logits once and writes a 256th of them. Floor: 4 bytes per
// float32 logit at the memory's bandwidth. confidence_score reads a number per row and class; its
// floor is the time to start a kernel.

// Block (x, y) writes E p(y|x) of its rows to marginal[x, 32 y ...], for (32, 8) threads.
extern "C" __global__ void expected_probabilities(
    const real* __restrict__ logits, const real* __restrict__ top, const real* __restrict__ log_t,
    const real* __restrict__ weights, real* marginal, int rows, int c) {
  const int j = blockIdx.y * WARP + threadIdx.x;
  const int end = min(rows, ((int)blockIdx.x + 1) * STRIP);
  real sum = 0;
  if (j < c)
    for (int i = blockIdx.x * STRIP + threadIdx.y; i < end; i += LINES)
      sum += weights[i] * REAL(exp)((logits[(long long)i * c + j] - top[i]) - log_t[i]);
  sum = lines_sum(sum);
  if (threadIdx.y == 0 && j < c) marginal[(long long)blockIdx.x * c + j] = sum;
}

// score[0] = exp(-E H - sum_j m_j log m_j), at least 1, and 0 log 0 = 0; for one block.
extern "C" __global__ void confidence_score(
    const real* __restrict__ entropy, const real* __restrict__ weights,
    const real* __restrict__ marginal, real* score, int rows, int c) {
  real sum = 0;
  for (int i = threadIdx.x; i < rows; i += blockDim.x) sum += weights[i] * entropy[i];
  for (int j = threadIdx.x; j < c; j += blockDim.x)
    if (!(marginal[j] <= 0)) sum += marginal[j] * REAL(log)(marginal[j]);  // NaN counts
  sum = block_sum(sum);
  if (threadIdx.x == 0) score[0] = sum > 0 ? (real)1 : REAL(exp)(-sum);  // rounding may go below 1
}
