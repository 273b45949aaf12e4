// The router, by eq. 10, the soft or the learned gate: a warp per sample, eight per block. Reads the
// logits (rows, seen) and, of f (rows, all), what the label needs, once from memory; writes 17 bytes
// per sample in float32, by the gates 21. The floor is 4 (seen + all) bytes per sample by eq. 10,
// less where samples take the supervised route, 4 all by the soft gate and 4 (seen + all) by the
// learned one.

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

// The largest number of a row, NaN if one is, in every lane.
static __device__ real row_max(const real* row, int c) {
  real top = row[0];
  for (int j = threadIdx.x; j < c; j += WARP) top = larger(top, row[j]);
  return warp_max(top);
}

// The sum of e^(sharpness * (x - top)) over a row.
static __device__ real row_total(const real* row, int c, real top, real sharpness) {
  real t = 0;
  for (int j = threadIdx.x; j < c; j += WARP) t += REAL(exp)((row[j] - top) * sharpness);
  return warp_sum(t);
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
    probability = 1 / row_total(candidates, all - skip, chosen.value, sharpness);
  }
  if (threadIdx.x != 0) return;
  label[i] = skip + chosen.index;
  code[i] = route;
  entropy[i] = h;
  score[i] = probability;
}

// The probability of all seen classes together, 1 / (1 + e^-theta), and that of the unseen ones.
struct gates {
  real seen, unseen;
};

static __device__ gates both_gates(real theta) {
  const real epsilon = REAL(exp)(theta < 0 ? theta : -theta);  // at most 1
  const real larger_part = 1 / (1 + epsilon), smaller_part = epsilon / (1 + epsilon);
  const real seen = theta < 0 ? smaller_part : larger_part;
  const real unseen = theta < 0 ? larger_part : smaller_part;
  return {seen, unseen};
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
  const real probability = 1 / row_total(unseen, all - seen, nearest.value, sharpness);
  if (threadIdx.x != 0) return;
  const gates by = both_gates((bias - c.entropy * per_nat) * slope);
  const real of_seen = by.seen / c.t, of_unseen = by.unseen * probability;
  const bool is_seen = of_seen >= of_unseen;
  label[i] = is_seen ? c.top.index : seen + nearest.index;
  code[i] = is_seen ? 0 : 2;
  entropy[i] = c.entropy;
  score[i] = is_seen ? of_seen : of_unseen;
  gate[i] = by.seen;
}

extern "C" __global__ void learned_route_rows(
    const real* __restrict__ logits, const real* __restrict__ f, const real* __restrict__ rest,
    real slope, real of_gap, real bias, real sharpness, long long* label, signed char* code,
    real* entropy, real* score, real* gate, int rows, int seen, int all) {
  const int i = blockIdx.x * LINES + threadIdx.y;
  if (i >= rows) return;  // the whole warp
  const certainty c = row_certainty(logits + (long long)i * seen, seen);
  const real* scores = f + (long long)i * all;
  const real* others = scores + seen;
  const real best_seen = row_max(scores, seen);
  const best nearest = row_best(others, all - seen);
  const real t_unseen = row_total(others, all - seen, nearest.value, sharpness);
  if (threadIdx.x != 0) return;
  const real theta = slope * c.entropy + of_gap * (best_seen - nearest.value) + rest[i] + bias;
  const gates by = both_gates(theta);
  const bool is_seen = theta >= REAL(log)(c.t) - REAL(log)(t_unseen);
  label[i] = is_seen ? c.top.index : seen + nearest.index;
  code[i] = is_seen ? 0 : 2;
  entropy[i] = c.entropy;
  score[i] = is_seen ? by.seen / c.t : by.unseen / t_unseen;
  gate[i] = by.seen;
}
