// Windows on signals, images and volumes: AXES is 1, 2 or 3, chosen when a file is compiled, and so is whether windows
// may have gaps (DILATED). A kernel takes WINDOWS among its parameters and begins with FIXED, which gives the axes that
// are absent the length 1 and one window of one pixel, as constants: loops over them vanish.
#include "common.cuh"
#pragma once

#ifndef AXES
#define AXES 2
#endif
#ifndef DILATED
#define DILATED 1
#endif

#define ABSENT(axis, begin) \
    constexpr int axis = 1, out_##axis = 1, window_##axis = 1, stride_##axis = 1, dilation_##axis = 1, begin = 0;
#if DILATED
#define AXIS(axis, begin) int axis, int out_##axis, int window_##axis, int stride_##axis, int dilation_##axis, int begin
#define PRESENT(axis)
#else
#define AXIS(axis, begin) int axis, int out_##axis, int window_##axis, int stride_##axis, int begin
#define PRESENT(axis) constexpr int dilation_##axis = 1;
#endif

// COUNTED: how many pixels of the padding count in a mean, before and after each axis.
#define COUNTS(axis) int before_##axis, int after_##axis
#define NO_COUNTS(axis) constexpr int before_##axis = 0, after_##axis = 0;

#if AXES == 1
#define WINDOWS AXIS(width, left)
#define FIXED ABSENT(depth, front) ABSENT(height, top) PRESENT(width)
#define COUNTED COUNTS(width)
#define NOT_COUNTED NO_COUNTS(depth) NO_COUNTS(height)
#elif AXES == 2
#define WINDOWS AXIS(height, top), AXIS(width, left)
#define FIXED ABSENT(depth, front) PRESENT(height) PRESENT(width)
#define COUNTED COUNTS(height), COUNTS(width)
#define NOT_COUNTED NO_COUNTS(depth)
#else
#define WINDOWS AXIS(depth, front), AXIS(height, top), AXIS(width, left)
#define FIXED PRESENT(depth) PRESENT(height) PRESENT(width)
#define COUNTED COUNTS(depth), COUNTS(height), COUNTS(width)
#define NOT_COUNTED
#endif

// A position in an array (depth, height, width); of an absent axis it is 0.
struct Position {
    int d, h, w;
};

__device__ __forceinline__ Position position(int i, int height, int width) {
    if (AXES == 1) return {0, 0, i};
    int row = (unsigned int)i / (unsigned int)width, w = i - row * width;
    if (AXES == 2) return {0, row, w};
    int d = (unsigned int)row / (unsigned int)height;
    return {d, row - d * height, w};
}

// The first pixel of a window that is not before the axis; `start` is that of its first place.
__device__ __forceinline__ int first_inside(int start, int dilation) {
    return start >= 0 ? start : dilation == 1 ? 0 : start + ((dilation - 1 - start) / dilation) * dilation;
}

// Let `i` run over the pixels of an axis that a window sees.
#define SEEN(i, start, window, dilation, size) \
    for (int i = first_inside(start, dilation); i < min((start) + (window) * (dilation), size); i += dilation)

// Let `p` run down over the windows of an axis that see the pixel `i`, counted with the padding before it.
#define SEEING(p, i, window, stride, dilation, outputs) \
    for (int p = min((int)quotient(i, stride), outputs - 1); p >= 0 && p * stride + (window - 1) * dilation >= i; --p) \
        if (dilation == 1 || (i - p * stride) % dilation == 0)
