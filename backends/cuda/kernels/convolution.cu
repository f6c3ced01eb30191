// im2col and its adjoint as gathers: no two threads write or add to the same value.
#include "common.cuh"

// columns[n, (c * KH + a) * KW + b, p * OW + q] = the pixel of x[n, c] that position (a, b) of window (p, q) sees, or 0.
// A thread fills the KH * KW values of one window. Grid: x over the windows, y over the channels, z over the samples.
extern "C" __global__ void im2col(
    const REAL* __restrict__ x, REAL* __restrict__ columns, int samples, int channels,
    int height, int out_height, int window_height, int stride_height, int dilation_height, int top,
    int width, int out_width, int window_width, int stride_width, int dilation_width, int left)
{
    int windows = out_height * out_width;
    for (int n = blockIdx.z; n < samples; n += gridDim.z) {
        for (int c = blockIdx.y; c < channels; c += gridDim.y) {
            whole channel = (whole)n * channels + c;
            const REAL* plane = x + channel * height * width;
            REAL* target = columns + channel * window_height * window_width * windows;
            for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < windows; i += gridDim.x * blockDim.x) {
                int p = (unsigned int)i / (unsigned int)out_width, q = i - p * out_width;
                REAL* value = target + i;
                for (int a = 0; a < window_height; ++a) {
                    int h = p * stride_height + a * dilation_height - top;
                    for (int b = 0; b < window_width; ++b, value += windows) {
                        int w = q * stride_width + b * dilation_width - left;
                        bool inside = 0 <= h && h < height && 0 <= w && w < width;
                        *value = inside ? plane[h * width + w] : REAL(0);
                    }
                }
            }
        }
    }
}

// dx[n, c, h, w] = the sum of all columns that im2col filled from this pixel, in the order of (a, b).
// Grid: x over the pixels, y over the channels, z over the samples.
extern "C" __global__ void col2im(
    const REAL* __restrict__ columns, REAL* __restrict__ dx, int samples, int channels,
    int height, int out_height, int window_height, int stride_height, int dilation_height, int top,
    int width, int out_width, int window_width, int stride_width, int dilation_width, int left)
{
    int windows = out_height * out_width;
    for (int n = blockIdx.z; n < samples; n += gridDim.z) {
        for (int c = blockIdx.y; c < channels; c += gridDim.y) {
            whole plane = (whole)n * channels + c;
            const REAL* source = columns + plane * window_height * window_width * windows;
            for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < height * width; i += gridDim.x * blockDim.x) {
                int row = (unsigned int)i / (unsigned int)width, h = row + top, w = i - row * width + left;
                REAL sum = 0;
                for (int a = 0; a < window_height; ++a) {
                    int up = h - a * dilation_height, p = quotient(up, stride_height);
                    if (up < 0 || p * stride_height != up || p >= out_height) continue;
                    for (int b = 0; b < window_width; ++b) {
                        int along = w - b * dilation_width, q = quotient(along, stride_width);
                        if (along < 0 || q * stride_width != along || q >= out_width) continue;
                        sum += source[(whole)(a * window_width + b) * windows + p * out_width + q];
                    }
                }
                dx[plane * height * width + i] = sum;
            }
        }
    }
}
