// The functions that device code has without an include: barriers, warp operations, arithmetic, atomics.
#pragma once

// ---- Barriers and warp operations. The last parameter is the place of the call; callers leave it out.

#define SIMULATED_CALL simulator::Place at = simulator::Place::here()

inline simulator::Block& simulated_block(simulator::Place at) {
  if (!simulator::Block::running())
    throw simulator::Failure("waits at %s:%d, where its text shows no barrier: move that to a plain function", at.file,
                             at.line);
  return *simulator::Block::running();
}

inline void __syncthreads(SIMULATED_CALL) {
  simulated_block(at).wait(simulator::State::at_barrier, at);
}
inline void __syncwarp(unsigned mask = 0xFFFFFFFFu, SIMULATED_CALL) {
  simulated_block(at).wait(simulator::State::at_warp, at, mask);
}
inline void __threadfence() {}
inline void __threadfence_block() {}

namespace simulator {

template <class T> T exchange(unsigned mask, T value, unsigned source, Place at) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "a shuffle moves 4 or 8 bytes");
  Block& block = simulated_block(at);
  memcpy(&block.of_lane(block.lane()).given, &value, sizeof(T));
  block.wait(State::at_warp, at, mask);
  T found;
  memset(&found, 0xFF, sizeof(T));  // the value of a lane outside the mask is undefined
  if (mask >> source & 1) memcpy(&found, &block.of_lane(source).agreed, sizeof(T));
  return found;
}
inline unsigned lane(Place at) { return simulated_block(at).lane(); }

}  // namespace simulator

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, SIMULATED_CALL) {
  const unsigned me = simulator::lane(at);
  return simulator::exchange(mask, value, me / width * width + unsigned(source) % width, at);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, SIMULATED_CALL) {
  const unsigned me = simulator::lane(at);
  return simulator::exchange(mask, value, me % width + delta < unsigned(width) ? me + delta : me, at);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, SIMULATED_CALL) {
  const unsigned me = simulator::lane(at);
  return simulator::exchange(mask, value, me % width >= delta ? me - delta : me, at);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, SIMULATED_CALL) {
  const unsigned me = simulator::lane(at), source = me ^ unsigned(bits);
  return simulator::exchange(mask, value, source / width > me / width ? me : source, at);
}

// ---- Arithmetic. exp, sqrt, fabs and the rest come from <math.h>, overloaded for float as in CUDA.

#define SIMULATED_MIN_MAX(T)                              \
  inline T min(T a, T b) { return b < a ? b : a; }        \
  inline T max(T a, T b) { return a < b ? b : a; }
SIMULATED_MIN_MAX(int)
SIMULATED_MIN_MAX(unsigned)
SIMULATED_MIN_MAX(long)
SIMULATED_MIN_MAX(unsigned long)
SIMULATED_MIN_MAX(long long)
SIMULATED_MIN_MAX(unsigned long long)
#undef SIMULATED_MIN_MAX
inline float min(float a, float b) { return fminf(a, b); }  // the one that is not NaN, as in CUDA
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }

inline float rsqrtf(float x) { return float(1 / ::sqrt(double(x))); }
inline double rsqrt(double x) { return 1 / ::sqrt(x); }
inline float rsqrt(float x) { return rsqrtf(x); }
inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __saturatef(float x) { return fminf(fmaxf(x, 0), 1); }
inline float __fdividef(float x, float y) { return x / y; }

// Rounded to nearest and never contracted: g++ runs with -ffp-contract=off.
#define SIMULATED_ROUNDED(T, p)                           \
  inline T __##p##add_rn(T a, T b) { return a + b; }      \
  inline T __##p##sub_rn(T a, T b) { return a - b; }      \
  inline T __##p##mul_rn(T a, T b) { return a * b; }      \
  inline T __##p##div_rn(T a, T b) { return a / b; }      \
  inline T __##p##rcp_rn(T a) { return 1 / a; }           \
  inline T __##p##sqrt_rn(T a) { return ::sqrt(a); }
SIMULATED_ROUNDED(float, f)
SIMULATED_ROUNDED(double, d)
#undef SIMULATED_ROUNDED
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline double __fma_rn(double a, double b, double c) { return ::fma(a, b, c); }
inline int __float2int_rn(float x) { return int(nearbyintf(x)); }
inline float __int2float_rn(int x) { return float(x); }
inline float __uint2float_rn(unsigned x) { return float(x); }

inline int __mulhi(int a, int b) { return int((1ll * a * b) >> 32); }
inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned((1ull * a * b) >> 32); }
inline long long __mul64hi(long long a, long long b) { return (long long)(((__int128)a * b) >> 64); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return (unsigned long long)(((unsigned __int128)a * b) >> 64);
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __clz(int x) { return x ? __builtin_clz(unsigned(x)) : 32; }
inline int __ffs(int x) { return __builtin_ffs(x); }

#define SIMULATED_BITS(name, To, From)                    \
  inline To name(From x) {                                \
    To bits;                                              \
    memcpy(&bits, &x, sizeof(To));                        \
    return bits;                                          \
  }
SIMULATED_BITS(__float_as_int, int, float)
SIMULATED_BITS(__int_as_float, float, int)
SIMULATED_BITS(__float_as_uint, unsigned, float)
SIMULATED_BITS(__uint_as_float, float, unsigned)
SIMULATED_BITS(__double_as_longlong, long long, double)
SIMULATED_BITS(__longlong_as_double, double, long long)
#undef SIMULATED_BITS

template <class T> T __ldg(const T* address) { return *address; }

// ---- Atomics: of integers only. Floating-point sums in the order in which threads arrive are not repeatable.

#define SIMULATED_ATOMICS(T)                                                                      \
  inline T atomicAdd(T* a, T value) { const T old = *a; *a = old + value; return old; }        \
  inline T atomicMax(T* a, T value) { const T old = *a; *a = max(old, value); return old; }       \
  inline T atomicMin(T* a, T value) { const T old = *a; *a = min(old, value); return old; }       \
  inline T atomicExch(T* a, T value) { const T old = *a; *a = value; return old; }                \
  inline T atomicCAS(T* a, T expected, T value) { const T old = *a; if (old == expected) *a = value; return old; }
SIMULATED_ATOMICS(int)
SIMULATED_ATOMICS(unsigned)
SIMULATED_ATOMICS(unsigned long long)
#undef SIMULATED_ATOMICS
float atomicAdd(float*, float) = delete;
double atomicAdd(double*, double) = delete;
