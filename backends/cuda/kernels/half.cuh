// 16-bit numbers as they lie in memory: they are read as float, and what is written is rounded to the nearest, ties to even.
#pragma once

#if defined(SIMULATED_CALL)  // on the CPU, by integer arithmetic
inline float half_to_float(unsigned short bits) {
    unsigned int magnitude = bits & 0x7fffu, sign = (bits & 0x8000u) << 16;
    float value = __uint_as_float(magnitude << 13) * __uint_as_float(0x77800000u);  // 2^112 is between the biases
    if (magnitude >= 0x7c00u) value = __uint_as_float(magnitude << 13 | 0x7f800000u);
    return __uint_as_float(__float_as_uint(value) | sign);
}
inline unsigned short float_to_half(float value) {
    unsigned int bits = __float_as_uint(value), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return sign | 0x7e00u;
    if (magnitude >= 0x477ff000u) return sign | 0x7c00u;  // from 65520 on
    if (magnitude < 0x38800000u)  // subnormal: beside 0.5 a float has steps of 2^-24
        return sign | (__float_as_uint(__uint_as_float(magnitude) + 0.5f) - 0x3f000000u);
    return sign | (magnitude + 0xfffu + (magnitude >> 13 & 1u) - 0x38000000u) >> 13;
}
#else
__device__ __forceinline__ float half_to_float(unsigned short bits) {
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
    return value;
}
__device__ __forceinline__ unsigned short float_to_half(float value) {
    unsigned short bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    return bits;
}
#endif

// IEEE 754 binary16; exponent: how many bits it has.
struct binary16 {
    enum { exponent = 5 };
    unsigned short bits;
    __device__ binary16() {}
    __device__ binary16(float value) : bits(float_to_half(value)) {}
    __device__ operator float() const { return half_to_float(bits); }
};

// bfloat16: the upper half of a float.
struct brain16 {
    enum { exponent = 8 };
    unsigned short bits;
    __device__ brain16() {}
    __device__ brain16(float value) {
        unsigned int wide = __float_as_uint(value);
        bits = value != value ? wide >> 16 | 0x40u : (wide + 0x7fffu + (wide >> 16 & 1u)) >> 16;
    }
    __device__ operator float() const { return __uint_as_float((unsigned int)bits << 16); }
};
