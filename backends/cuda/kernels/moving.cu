// Copies: several arrays into one, and numbers of the host to the device without waiting.
#include "common.cuh"

// flat = the arrays part0, part1, ..., one after the other; end0, end1, ... are their ends in it. Eight per launch.
extern "C" __global__ void pack(
    REAL* __restrict__ flat, long long start,
    const REAL* part0, const REAL* part1, const REAL* part2, const REAL* part3,
    const REAL* part4, const REAL* part5, const REAL* part6, const REAL* part7,
    long long end0, long long end1, long long end2, long long end3,
    long long end4, long long end5, long long end6, long long end7)
{
    EACH(i, end7 - start) {
        whole at = start + i;
        const REAL* part = part0;
        whole from = start;
        if (at >= end0) part = part1, from = end0;
        if (at >= end1) part = part2, from = end1;
        if (at >= end2) part = part3, from = end2;
        if (at >= end3) part = part4, from = end3;
        if (at >= end4) part = part5, from = end4;
        if (at >= end5) part = part6, from = end5;
        if (at >= end6) part = part7, from = end6;
        flat[at] = part[at - from];
    }
}

// reals = the first `count` of the values. One thread.
extern "C" __global__ void set_reals(
    REAL* reals, int count, double v0, double v1, double v2, double v3, double v4, double v5, double v6, double v7)
{
    double values[8] = {v0, v1, v2, v3, v4, v5, v6, v7};
    for (int i = 0; i < count; ++i) reals[i] = REAL(values[i]);
}

extern "C" __global__ void set_wholes(long long* wholes, int count, long long v0, long long v1, long long v2, long long v3)
{
    long long values[4] = {v0, v1, v2, v3};
    for (int i = 0; i < count; ++i) wholes[i] = values[i];
}
