// The work between the matrix products of a critic step (tinygzsl/critic.py): a row is a hidden
// unit, a column a sample.
//
// Floors, in float32 at the memory's bandwidth: critic_epilogue reads s (units, 2n) and writes it
// and delta (units, 3n), 28 bytes per unit and sample; the table and the partial scores are less
// than a tenth of that where n >= the prototypes. penalty_epilogue reads t and half of s, 8 bytes
// per unit and sample. gradient_penalty reads and writes g, 8 n d bytes: the second time a block
// reads its row, it finds it in the cache.

// A warp has UNITS hidden units. Block x writes the scores of its units, fake and real, to
// scores[x, :2n], for (32, 8) threads.
extern "C" __global__ void critic_epilogue(
    real* s, const real* __restrict__ table, const long long* __restrict__ index,
    const real* __restrict__ alpha, const real* __restrict__ w_out, real slope, real* delta,
    real* dw_out, real* scores, int units, int n, int prototypes) {
  const int first = (blockIdx.x * LINES + threadIdx.y) * UNITS;
  const real share = (real)1 / n;
  real total[UNITS] = {};
  auto phi = [&](real x) { return x > 0 ? x : slope * x; };

  for (int at = 0; at < n; at += WARP) {
    const int i = at + threadIdx.x;
    real fake_score = 0, real_score = 0;
    for (int k = 0; k < UNITS; k++) {
      const int r = first + k;
      if (r >= units || i >= n) continue;
      const real up = w_out[r], down = up * slope;
      real* row = s + (long long)r * 2 * n;
      real* out = delta + (long long)r * 3 * n;
      const real offset = table[(long long)r * prototypes + index[i]];
      const real fake = row[i] + offset, genuine = row[n + i] + offset;
      const real mixed = alpha[i] * genuine + (1 - alpha[i]) * fake;
      row[i] = mixed;
      row[n + i] = genuine;
      out[i] = share * (fake > 0 ? up : down);
      out[n + i] = -share * (genuine > 0 ? up : down);
      out[2 * n + i] = mixed > 0 ? up : down;
      fake_score += up * phi(fake);
      real_score += up * phi(genuine);
      total[k] += phi(fake) - phi(genuine);
    }
    fake_score = lines_sum(fake_score);
    real_score = lines_sum(real_score);
    if (threadIdx.y == 0 && i < n) {
      scores[(long long)blockIdx.x * 2 * n + i] = fake_score;
      scores[(long long)blockIdx.x * 2 * n + n + i] = real_score;
    }
  }
  for (int k = 0; k < UNITS; k++) {
    const real sum = warp_sum(total[k]);
    if (threadIdx.x == 0 && first + k < units) dw_out[first + k] = share * sum;
  }
}

// A warp per row of t (units, n); s has `stride` >= n columns.
extern "C" __global__ void penalty_epilogue(
    const real* __restrict__ t, const real* __restrict__ s, real slope, real* dw_out, int units,
    int n, int stride) {
  const int r = blockIdx.x * LINES + threadIdx.y;
  if (r >= units) return;  // the whole warp
  real sum = 0;
  for (int i = threadIdx.x; i < n; i += WARP) {
    const real x = t[(long long)r * n + i];
    sum += s[(long long)r * stride + i] > 0 ? x : slope * x;
  }
  sum = warp_sum(sum);
  if (threadIdx.x == 0) dw_out[r] = sum;
}

// A block per row of g (n, d): its length into norm, and scale (1 - 1 / length) times the row over
// it.
extern "C" __global__ void gradient_penalty(real* g, real scale, real* norm, int d) {
  real* row = g + (long long)blockIdx.x * d;
  const int packs = d % PACK == 0 && aligned(g) ? d / PACK : 0;
  real sum = 0;
  for (int j = threadIdx.x; j < packs; j += blockDim.x) {
    const pack x = ((pack*)row)[j];
    for (int k = 0; k < PACK; k++) sum += x.at[k] * x.at[k];
  }
  for (int j = packs * PACK + threadIdx.x; j < d; j += blockDim.x) sum += row[j] * row[j];
  const real length = REAL(sqrt)(block_sum(sum));
  const real factor = length > 0 ? scale * (1 - 1 / length) : (real)0;
  if (threadIdx.x == 0) norm[blockIdx.x] = length;

  for (int j = threadIdx.x; j < packs; j += blockDim.x) {
    pack x = ((pack*)row)[j];
    for (int k = 0; k < PACK; k++) x.at[k] *= factor;
    ((pack*)row)[j] = x;
  }
  for (int j = packs * PACK + threadIdx.x; j < d; j += blockDim.x) row[j] *= factor;
}
