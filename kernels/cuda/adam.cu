// Adam in one pass. Moves 7 numbers per parameter (p, g, m, v read; p, m, v written), 28 bytes in
// float32: the floor is 28 n bytes at the memory's bandwidth, reached by loads and stores of 16
// bytes where all four arrays are aligned to them.

extern "C" __global__ void adam_update(
    real* p, const real* __restrict__ g, real* m, real* v, real rate, real beta1, real rest1,
    real beta2, real rest2, real eps, int* bad, int step, long long n) {
  const long long first = blockIdx.x * (long long)blockDim.x + threadIdx.x;
  const long long stride = (long long)gridDim.x * blockDim.x;
  bool finite = true;
  auto update = [&](real& pi, real gi, real& mi, real& vi) {
    mi = beta1 * mi + rest1 * gi;
    vi = beta2 * vi + rest2 * (gi * gi);
    pi -= rate * mi / (REAL(sqrt)(vi) + eps);
    finite = finite && is_finite(pi);
  };

  const long long packs = aligned(p) && aligned(g) && aligned(m) && aligned(v) ? n / PACK : 0;
  for (long long i = first; i < packs; i += stride) {
    pack ps = ((pack*)p)[i], gs = ((const pack*)g)[i], ms = ((pack*)m)[i], vs = ((pack*)v)[i];
    for (int k = 0; k < PACK; k++) update(ps.at[k], gs.at[k], ms.at[k], vs.at[k]);
    ((pack*)p)[i] = ps;
    ((pack*)m)[i] = ms;
    ((pack*)v)[i] = vs;
  }
  for (long long i = packs * PACK + first; i < n; i += stride) update(p[i], g[i], m[i], v[i]);

  if (!finite) atomicCAS(bad, 0, step);  // the first bad step stays
}
