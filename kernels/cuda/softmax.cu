// Softmax, its entropy and its losses: a warp per row of logits (rows, c), eight rows per block. In
// a row z = logits - top, t = sum e^z and u = sum z e^z, as in kernels/reference/softmax.py; e^z is
// computed twice rather than stored.
//
// A row is read from memory once; the sweeps after the first find it in the cache, in the second
// level's at the latest. Floors, in bytes per float32 logit at the memory's bandwidth:
// log_softmax_entropy 8 (read, log p written), softmax_loss_forward 4 (read), softmax_loss_backward
// and softmax_loss 8 (read, gradient written). Rows seldom have a multiple of 16 bytes, so a warp
// loads 128 bytes of one at once, number by number.

struct sums {
  real top, t, u;
};

static __device__ sums row_sums(const real* row, int c) {
  sums s = {row[0], 0, 0};
  for (int j = threadIdx.x; j < c; j += WARP) s.top = larger(s.top, row[j]);
  s.top = warp_max(s.top);
  for (int j = threadIdx.x; j < c; j += WARP) {
    const real z = row[j] - s.top, e = REAL(exp)(z);
    s.t += e;
    s.u += z * e;
  }
  s.t = warp_sum(s.t);
  s.u = warp_sum(s.u);
  return s;
}

extern "C" __global__ void log_softmax_entropy(
    const real* __restrict__ logits, real* log_p, real* entropy, int rows, int c) {
  const int i = blockIdx.x * LINES + threadIdx.y;
  if (i >= rows) return;  // the whole warp
  const real* row = logits + (long long)i * c;
  const sums s = row_sums(row, c);
  const real log_t = REAL(log)(s.t);
  if (threadIdx.x == 0) entropy[i] = log_t - s.u / s.t;
  for (int j = threadIdx.x; j < c; j += WARP)
    log_p[(long long)i * c + j] = (row[j] - s.top) - log_t;
}

extern "C" __global__ void softmax_loss_forward(
    const real* __restrict__ logits, const long long* __restrict__ y, real* cross, real* entropy,
    real* top, real* log_t, int rows, int labelled, int c) {
  const int i = blockIdx.x * LINES + threadIdx.y;
  if (i >= rows) return;  // the whole warp
  const real* row = logits + (long long)i * c;
  const sums s = row_sums(row, c);
  if (threadIdx.x != 0) return;
  top[i] = s.top;
  log_t[i] = REAL(log)(s.t);
  entropy[i] = log_t[i] - s.u / s.t;
  if (i < labelled) cross[i] = log_t[i] - (row[y[i]] - s.top);
}

extern "C" __global__ void softmax_loss_backward(
    const real* __restrict__ logits, const long long* __restrict__ y,
    const real* __restrict__ entropy, const real* __restrict__ top, const real* __restrict__ log_t,
    const real* __restrict__ dce, const real* __restrict__ dentropy, real* dlogits, int rows,
    int labelled, int c) {
  const int i = blockIdx.x * LINES + threadIdx.y;
  if (i >= rows) return;
  const real own = i < labelled ? dce[i] : (real)0;
  const long long label = i < labelled ? y[i] : -1;
  for (int j = threadIdx.x; j < c; j += WARP) {
    const long long at = (long long)i * c + j;
    const real log_p = (logits[at] - top[i]) - log_t[i];
    const real d = REAL(exp)(log_p) * (own - dentropy[i] * (log_p + entropy[i]));
    dlogits[at] = j == label ? d - own : d;
  }
}

extern "C" __global__ void softmax_loss(
    const real* __restrict__ logits, const long long* __restrict__ y,
    const real* __restrict__ dce, const real* __restrict__ dentropy, real* cross, real* entropy,
    real* dlogits, int rows, int labelled, int c) {
  const int i = blockIdx.x * LINES + threadIdx.y;
  if (i >= rows) return;  // the whole warp
  const real* row = logits + (long long)i * c;
  const sums s = row_sums(row, c);
  const real log_t = REAL(log)(s.t), h = log_t - s.u / s.t;
  const real own = i < labelled ? dce[i] : (real)0;
  const long long label = i < labelled ? y[i] : -1;
  if (threadIdx.x == 0) {
    entropy[i] = h;
    if (i < labelled) cross[i] = log_t - (row[label] - s.top);
  }
  for (int j = threadIdx.x; j < c; j += WARP) {
    const real log_p = (row[j] - s.top) - log_t;
    const real d = REAL(exp)(log_p) * (own - dentropy[i] * (log_p + h));
    dlogits[(long long)i * c + j] = j == label ? d - own : d;
  }
}
