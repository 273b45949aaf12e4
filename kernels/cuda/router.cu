// The router, by eq. 10 or by the soft gate: a warp per sample, eight per block. Reads the logits
// (rows, seen) and, of f (rows, all), what the label needs, once from memory; writes 17 bytes per
// sample in float32, by the soft gate 21. The floor is 4 (seen + all) bytes per sample by eq. 10,
// less where samples take the supervised route, and 4 all by the soft gate.

struct best {
  real value;
  int index;
};

// The first of the largest numbers of a row, in every lane; 0 where the row starts with NaN.
static __device__ best row_best(const real* row, int c) {
  best b = {row[0], 0};
  for (int j = threadIdx.x; j < c; j += WARP)
    if (row[j] > b.value) b = {row[j], j};
  for (int lanes = WARP / 2; lanes > 0; lanes /= 2) {
    const best other = {
        __shfl_xor_sync(FULL, b.value, lanes), __shfl_xor_sync(FULL, b.index, lanes)};
    if (other.value > b.value || (other.value == b.value && other.index < b.index)) b = other;
  }
  return b;
}

// The probability of the largest number by softmax(sharpness * row).
static __device__ real top_probability(const real* row, int c, real top, real sharpness) {
  real t = 0;
  for (int j = threadIdx.x; j < c; j += WARP) t += REAL(exp)((row[j] - top) * sharpness);
  return 1 / warp_sum(t);
}

// C's answer for a row of logits: its best class, t = sum e^(logit - best) and the entropy.
struct certainty {
  best top;
  real t, entropy;
};

static __device__ certainty row_certainty(const real* row, int c) {
  certainty s = {row_best(row, c), 0, 0};
  real u = 0;
  for (int j = threadIdx.x; j < c; j += WARP) {
    const real z = row[j] - s.top.value, e = REAL(exp)(z);
    s.t += e;
    u += z * e;
  }
  s.t = warp_sum(s.t);
  s.entropy = REAL(log)(s.t) - warp_sum(u) / s.t;
  return s;
}

extern "C" __global__ void route_rows(
    const real* __restrict__ logits, const real* __restrict__ f, real delta_low, real delta_high,
    real sharpness, long long* label, signed char* code, real* entropy, real* score, int rows,
    int seen, int all) {
  const int i = blockIdx.x * LINES + threadIdx.y;
  if (i >= rows) return;  // the whole warp
  const certainty c = row_certainty(logits + (long long)i * seen, seen);
  const real h = c.entropy;
  const int route = h < delta_low ? 0 : h > delta_high ? 2 : 1;  // eq. 10
  const int skip = route == 2 ? seen : 0;
  best chosen = c.top;
  real probability = 1 / c.t;
  if (route != 0) {  // one answer for the whole warp
    const real* candidates = f + (long long)i * all + skip;
    chosen = row_best(candidates, all - skip);
    probability = top_probability(candidates, all - skip, chosen.value, sharpness);
  }
  if (threadIdx.x != 0) return;
  label[i] = skip + chosen.index;
  code[i] = route;
  entropy[i] = h;
  score[i] = probability;
}

extern "C" __global__ void soft_route_rows(
    const real* __restrict__ logits, const real* __restrict__ f, real bias, real per_nat,
    real slope, real sharpness, long long* label, signed char* code, real* entropy, real* score,
    real* gate, int rows, int seen, int all) {
  const int i = blockIdx.x * LINES + threadIdx.y;
  if (i >= rows) return;  // the whole warp
  const certainty c = row_certainty(logits + (long long)i * seen, seen);
  const real* unseen = f + (long long)i * all + seen;
  const best nearest = row_best(unseen, all - seen);
  const real probability = top_probability(unseen, all - seen, nearest.value, sharpness);
  if (threadIdx.x != 0) return;
  const real theta = (bias - c.entropy * per_nat) * slope;
  const real epsilon = REAL(exp)(theta < 0 ? theta : -theta);  // at most 1
  const real larger_part = 1 / (1 + epsilon), smaller_part = epsilon / (1 + epsilon);
  const real rho = theta < 0 ? smaller_part : larger_part;
  const real rest = theta < 0 ? larger_part : smaller_part;
  const real of_seen = rho / c.t, of_unseen = rest * probability;
  const bool is_seen = of_seen >= of_unseen;
  label[i] = is_seen ? c.top.index : seen + nearest.index;
  code[i] = is_seen ? 0 : 2;
  entropy[i] = c.entropy;
  score[i] = is_seen ? of_seen : of_unseen;
  gate[i] = rho;
}
