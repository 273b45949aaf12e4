// The entropy hinge of a batch (eq. 8), in one block. Moves 8 bytes per sample in float32, which is
// negligible for a batch: the floor is the time to start a kernel.

extern "C" __global__ void entropy_hinge(
    const real* __restrict__ entropy, real* loss, real* dentropy, real gamma, real weight,
    int seen, int n) {
  real of_seen = 0, of_proxies = 0;
  for (int i = threadIdx.x; i < n; i += blockDim.x) {
    of_seen += i < seen ? entropy[i] : (real)0;
    of_proxies += i < seen ? (real)0 : entropy[i];
  }
  const real gap = block_sum(of_seen) / seen - block_sum(of_proxies) / (n - seen) + gamma;
  const real slope = gap > 0 ? weight : (real)0;
  for (int i = threadIdx.x; i < n; i += blockDim.x)
    dentropy[i] = i < seen ? slope / seen : -slope / (n - seen);
  if (threadIdx.x == 0) loss[0] = gap < 0 ? (real)0 : gap;  // NaN stays
}
