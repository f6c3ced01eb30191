// im2col and its adjoint as gathers: no two threads write or add to the same value. Written for volumes; see windows.cuh.
#include "windows.cuh"

// columns[n, (c * KH + a) * KW + b, p * OW + q] = the pixel of x[n, c] that position (a, b) of window (p, q) sees, or 0.
// A thread fills the KH * KW values of one window. Grid: x over the windows, y over the channels, z over the samples.
extern "C" __global__ void im2col(
    const REAL* __restrict__ x, REAL* __restrict__ columns, int samples, int channels, WINDOWS)
{
    FIXED
    int windows = out_depth * out_height * out_width;
    for (int n = blockIdx.z; n < samples; n += gridDim.z) {
        for (int c = blockIdx.y; c < channels; c += gridDim.y) {
            whole channel = (whole)n * channels + c;
            const REAL* source = x + channel * depth * height * width;
            REAL* target = columns + channel * window_depth * window_height * window_width * windows;
            for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < windows; i += gridDim.x * blockDim.x) {
                Position at = position(i, out_height, out_width);
                REAL* value = target + i;
                for (int e = 0; e < window_depth; ++e) {
                    int d = at.d * stride_depth + e * dilation_depth - front;
                    for (int a = 0; a < window_height; ++a) {
                        int h = at.h * stride_height + a * dilation_height - top;
                        for (int b = 0; b < window_width; ++b, value += windows) {
                            int w = at.w * stride_width + b * dilation_width - left;
                            bool inside = 0 <= d && d < depth && 0 <= h && h < height && 0 <= w && w < width;
                            *value = inside ? source[(d * height + h) * width + w] : REAL(0);
                        }
                    }
                }
            }
        }
    }
}

// dx[n, c, h, w] = the sum of all columns that im2col filled from this pixel, in the order of (a, b).
// Grid: x over the pixels, y over the channels, z over the samples.
extern "C" __global__ void col2im(
    const REAL* __restrict__ columns, REAL* __restrict__ dx, int samples, int channels, WINDOWS)
{
    FIXED
    int windows = out_depth * out_height * out_width, pixels = depth * height * width;
    for (int n = blockIdx.z; n < samples; n += gridDim.z) {
        for (int c = blockIdx.y; c < channels; c += gridDim.y) {
            whole plane = (whole)n * channels + c;
            const REAL* source = columns + plane * window_depth * window_height * window_width * windows;
            for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < pixels; i += gridDim.x * blockDim.x) {
                Position at = position(i, height, width);
                SUM sum = 0;
                for (int e = 0; e < window_depth; ++e) {
                    int in = at.d + front - e * dilation_depth, o = quotient(in, stride_depth);
                    if (in < 0 || o * stride_depth != in || o >= out_depth) continue;
                    for (int a = 0; a < window_height; ++a) {
                        int up = at.h + top - a * dilation_height, p = quotient(up, stride_height);
                        if (up < 0 || p * stride_height != up || p >= out_height) continue;
                        for (int b = 0; b < window_width; ++b) {
                            int along = at.w + left - b * dilation_width, q = quotient(along, stride_width);
                            if (along < 0 || q * stride_width != along || q >= out_width) continue;
                            whole place = (e * window_height + a) * window_width + b;
                            sum += source[place * windows + (o * out_height + p) * out_width + q];
                        }
                    }
                }
                dx[plane * pixels + i] = sum;
            }
        }
    }
}
