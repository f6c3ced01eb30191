// What all kernels share. REAL is the type of arrays and SUM that of sums, chosen when a file is compiled: float, double,
// or for REAL a 16-bit type (-DREAL=binary16 -DSUM=float).
// Arrays are contiguous, images are NCHW. A kernel is right for any grid and block size along the axes it loops over.
#pragma once
#include "half.cuh"

typedef long long whole;

// n / d. A division by a variable costs about twenty instructions; strides are mostly 1 or 2.
__device__ __forceinline__ unsigned int quotient(unsigned int n, unsigned int d) {
    return d == 1 ? n : d == 2 ? n >> 1 : n / d;
}

// Let `i` run over this thread's share of 0 .. count-1.
#define EACH(i, count) \
    for (whole i = blockIdx.x * (whole)blockDim.x + threadIdx.x; i < (count); i += gridDim.x * (whole)blockDim.x)


// The sum of `value` over the threads of a warp, in a fixed order; every lane has it.
__device__ __forceinline__ SUM warp_sum(SUM value) {
    for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(0xffffffffu, value, step);
    return value;
}

// The sum of `value` over a block of whole warps, at most 1024 threads, in a fixed order; thread 0 has it.
__device__ __forceinline__ SUM block_sum(SUM value) {
    __shared__ SUM sums[32];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    value = warp_sum(value);
    __syncthreads();  // an earlier call may still be reading
    if (lane == 0) sums[warp] = value;
    __syncthreads();
    value = threadIdx.x < blockDim.x / 32 ? sums[threadIdx.x] : SUM(0);
    return warp == 0 ? warp_sum(value) : value;
}

// True in every thread of the block that finishes last of `blocks`; the counter is zero again afterwards.
__device__ __forceinline__ bool finishes_last(unsigned int* counter, unsigned int blocks) {
    __shared__ bool last;
    __threadfence();  // make the block's writes visible before its count
    __syncthreads();
    if (threadIdx.x == 0) {
        last = atomicAdd(counter, 1u) == blocks - 1;
        if (last) *counter = 0;
    }
    __syncthreads();
    return last;
}
