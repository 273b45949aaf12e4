// The router of eq. 10: a warp per sample, eight per block. Reads the logits (rows, seen) and, of
// f (rows, all), what the route needs, once from memory; writes 21 bytes per sample in float32. The
// floor is 4 (seen + all) bytes per sample, less where samples take the supervised route.

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

extern "C" __global__ void route_rows(
    const real* __restrict__ logits, const real* __restrict__ f, real delta_low, real delta_high,
    real sharpness, long long* label, signed char* code, real* entropy, real* score, int rows,
    int seen, int all) {
  const int i = blockIdx.x * LINES + threadIdx.y;
  if (i >= rows) return;  // the whole warp
  const real* row = logits + (long long)i * seen;
  const best supervised = row_best(row, seen);
  real t = 0, u = 0;
  for (int j = threadIdx.x; j < seen; j += WARP) {
    const real z = row[j] - supervised.value, e = REAL(exp)(z);
    t += e;
    u += z * e;
  }
  t = warp_sum(t);
  u = warp_sum(u);
  const real h = REAL(log)(t) - u / t;

  const int route = h < delta_low ? 0 : h > delta_high ? 2 : 1;  // eq. 10
  const int skip = route == 2 ? seen : 0;
  best chosen = supervised;
  real probability = 1 / t;
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
