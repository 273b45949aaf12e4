// The functions of CUDA that a thread runs on its own: mathematics, bits and atomics.
#pragma once

// An overload for float and one for double, as CUDA has them, on top of the C library's two names.
#define EMULATOR_MATH_1(name)                      \
  extern "C" float name##f(float) noexcept;        \
  extern "C" double name(double) noexcept;         \
  inline float name(float x) { return name##f(x); }
#define EMULATOR_MATH_2(name)                                  \
  extern "C" float name##f(float, float) noexcept;             \
  extern "C" double name(double, double) noexcept;             \
  inline float name(float x, float y) { return name##f(x, y); }

EMULATOR_MATH_1(exp)
EMULATOR_MATH_1(expm1)
EMULATOR_MATH_1(log)
EMULATOR_MATH_1(log1p)
EMULATOR_MATH_1(sqrt)
EMULATOR_MATH_1(fabs)
EMULATOR_MATH_1(floor)
EMULATOR_MATH_1(ceil)
EMULATOR_MATH_1(cos)
EMULATOR_MATH_1(sin)
EMULATOR_MATH_2(fmax)
EMULATOR_MATH_2(fmin)
EMULATOR_MATH_2(pow)

extern "C" void sincosf(float, float *, float *) noexcept;
extern "C" void sincos(double, double *, double *) noexcept;
constexpr double EMULATOR_PI = 3.141592653589793;
inline void sincospif(float x, float *sine, float *cosine) {
  sincosf((float)(EMULATOR_PI * x), sine, cosine);
}
inline void sincospi(double x, double *sine, double *cosine) {
  sincos(EMULATOR_PI * x, sine, cosine);
}

extern "C" float fmaf(float, float, float) noexcept;
extern "C" double fma(double, double, double) noexcept;
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline bool isnan(double x) { return __builtin_isnan(x); }
inline bool isinf(double x) { return __builtin_isinf(x); }
inline bool isfinite(double x) { return __builtin_isfinite(x); }

#define EMULATOR_MIN_MAX(T)                          \
  inline T min(T a, T b) { return b < a ? b : a; }   \
  inline T max(T a, T b) { return a < b ? b : a; }
EMULATOR_MIN_MAX(int)
EMULATOR_MIN_MAX(unsigned)
EMULATOR_MIN_MAX(long long)
EMULATOR_MIN_MAX(unsigned long long)
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }

inline unsigned __umulhi(unsigned a, unsigned b) {
  return (unsigned)((unsigned long long)a * b >> 32);
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(x); }
inline int __float_as_int(float x) { return __builtin_bit_cast(int, x); }
inline float __int_as_float(int x) { return __builtin_bit_cast(float, x); }
inline long long __double_as_longlong(double x) { return __builtin_bit_cast(long long, x); }
inline double __longlong_as_double(long long x) { return __builtin_bit_cast(double, x); }
template <class T>
inline T __ldg(const T *p) {
  return *p;
}

// Threads take turns and none is interrupted here, so these are atomic as they stand; __atomic_*
// tells the thread sanitizer so. A thread that spins on one of them never lets another one run.
#define EMULATOR_ATOMICS(T)                                                                  \
  inline T atomicAdd(T *p, T v) { return __atomic_fetch_add(p, v, __ATOMIC_RELAXED); }       \
  inline T atomicMax(T *p, T v) {                                                            \
    T old = __atomic_load_n(p, __ATOMIC_RELAXED);                                            \
    if (old < v) __atomic_store_n(p, v, __ATOMIC_RELAXED);                                   \
    return old;                                                                              \
  }                                                                                          \
  inline T atomicCAS(T *p, T expected, T v) {                                                \
    __atomic_compare_exchange_n(p, &expected, v, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED); \
    return expected;                                                                         \
  }
EMULATOR_ATOMICS(int)
EMULATOR_ATOMICS(unsigned)
EMULATOR_ATOMICS(unsigned long long)

#define EMULATOR_ATOMIC_ADD(T)                   \
  inline T atomicAdd(T *p, T v) {                \
    T old, sum;                                  \
    __atomic_load(p, &old, __ATOMIC_RELAXED);    \
    sum = old + v;                               \
    __atomic_store(p, &sum, __ATOMIC_RELAXED);   \
    return old;                                  \
  }
EMULATOR_ATOMIC_ADD(float)
EMULATOR_ATOMIC_ADD(double)
