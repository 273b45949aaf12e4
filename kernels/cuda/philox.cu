// Philox4x32-10 (kernels/reference/philox.py): a thread per block of four words, whose number is
// the counter. Reads nothing and writes 4 bytes per word or float32 number, 8 per integer; four
// words are some 100 integer instructions. Floor: these or the stores, depending on the device.

struct words {
  unsigned int at[4];
};

static __device__ words philox(
    unsigned int counter, unsigned int step_low, unsigned int step_high, unsigned int purpose,
    unsigned int seed_low, unsigned int seed_high) {
  unsigned int c0 = counter, c1 = step_low, c2 = step_high, c3 = purpose;
  for (int round = 0; round < 10; round++) {
    const unsigned long long p0 = (unsigned long long)c0 * 0xD2511F53u;
    const unsigned long long p1 = (unsigned long long)c2 * 0xCD9E8D57u;
    c0 = (unsigned int)(p1 >> 32) ^ c1 ^ seed_low;
    c2 = (unsigned int)(p0 >> 32) ^ c3 ^ seed_high;
    c1 = (unsigned int)p1;
    c3 = (unsigned int)p0;
    seed_low += 0x9E3779B9u;
    seed_high += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

static __device__ real unit(unsigned int word) {  // 24 bits, so every value is exact
  return (real)(word >> 8) * (real)5.9604644775390625e-8;
}

extern "C" __global__ void philox_words(
    unsigned int* out, unsigned int step_low, unsigned int step_high, unsigned int purpose,
    unsigned int seed_low, unsigned int seed_high, long long n) {
  const long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
  if (4 * i >= n) return;
  const words w = philox((unsigned int)i, step_low, step_high, purpose, seed_low, seed_high);
  for (int k = 0; k < 4 && 4 * i + k < n; k++) out[4 * i + k] = w.at[k];
}

extern "C" __global__ void philox_integers(
    long long* out, long long high, unsigned int step_low, unsigned int step_high,
    unsigned int purpose, unsigned int seed_low, unsigned int seed_high, long long n) {
  const long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
  if (4 * i >= n) return;
  const words w = philox((unsigned int)i, step_low, step_high, purpose, seed_low, seed_high);
  for (int k = 0; k < 4 && 4 * i + k < n; k++)
    out[4 * i + k] = (unsigned long long)w.at[k] * high >> 32;
}

extern "C" __global__ void philox_uniform(
    real* out, unsigned int step_low, unsigned int step_high, unsigned int purpose,
    unsigned int seed_low, unsigned int seed_high, long long n) {
  const long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
  if (4 * i >= n) return;
  const words w = philox((unsigned int)i, step_low, step_high, purpose, seed_low, seed_high);
  for (int k = 0; k < 4 && 4 * i + k < n; k++) out[4 * i + k] = unit(w.at[k]);
}

// Box and Muller: two words make two numbers.
extern "C" __global__ void philox_normal(
    real* out, unsigned int step_low, unsigned int step_high, unsigned int purpose,
    unsigned int seed_low, unsigned int seed_high, long long n) {
  const long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
  if (4 * i >= n) return;
  const words w = philox((unsigned int)i, step_low, step_high, purpose, seed_low, seed_high);
  for (int k = 0; k < 4; k += 2) {
    const real radius = REAL(sqrt)(-2 * REAL(log)(1 - unit(w.at[k])));
    real sine, cosine;  // of 2 pi times the number: no reduction of large angles is needed
    REAL(sincospi)(2 * unit(w.at[k + 1]), &sine, &cosine);
    if (4 * i + k < n) out[4 * i + k] = radius * cosine;
    if (4 * i + k + 1 < n) out[4 * i + k + 1] = radius * sine;
  }
}
