// Pooling and its gradients. Forward: one thread per window. Backward: one thread per pixel, which gathers from its
// windows. Grid of all four: x over the windows or pixels of a plane, y over the planes (sample, channel).
#include "common.cuh"

// y = the largest value of each window, places = the index in the plane of the first such value. NaN counts as largest,
// and of several the last one is taken.
extern "C" __global__ void max_pool(
    const REAL* __restrict__ x, REAL* __restrict__ y, int* __restrict__ places, int planes,
    int height, int out_height, int window_height, int stride_height, int top,
    int width, int out_width, int window_width, int stride_width, int left)
{
    int windows = out_height * out_width;
    for (int plane = blockIdx.y; plane < planes; plane += gridDim.y) {
        const REAL* source = x + (whole)plane * height * width;
        for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < windows; i += gridDim.x * blockDim.x) {
            int p = (unsigned int)i / (unsigned int)out_width;
            int h0 = p * stride_height - top, w0 = (i - p * out_width) * stride_width - left;
            int place = -1;
            REAL best = -1 / REAL(0);  // of a window on padding only
            for (int h = max(h0, 0); h < min(h0 + window_height, height); ++h) {
                for (int w = max(w0, 0); w < min(w0 + window_width, width); ++w) {
                    REAL value = source[h * width + w];
                    if (place < 0 || value > best || value != value) best = value, place = h * width + w;
                }
            }
            y[(whole)plane * windows + i] = best;
            places[(whole)plane * windows + i] = place;
        }
    }
}

// dx of a pixel = the sum of dy over the windows whose first largest value it is.
extern "C" __global__ void max_pool_gradient(
    const REAL* __restrict__ dy, const int* __restrict__ places, REAL* __restrict__ dx, int planes,
    int height, int out_height, int window_height, int stride_height, int top,
    int width, int out_width, int window_width, int stride_width, int left)
{
    int windows = out_height * out_width;
    for (int plane = blockIdx.y; plane < planes; plane += gridDim.y) {
        for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < height * width; i += gridDim.x * blockDim.x) {
            int row = (unsigned int)i / (unsigned int)width, h = row + top, w = i - row * width + left;
            int last_p = min((int)quotient(h, stride_height), out_height - 1);
            int last_q = min((int)quotient(w, stride_width), out_width - 1);
            REAL sum = 0;
            for (int p = last_p; p >= 0 && p * stride_height + window_height > h; --p) {
                for (int q = last_q; q >= 0 && q * stride_width + window_width > w; --q) {
                    whole window = (whole)plane * windows + p * out_width + q;
                    if (places[window] == i) sum += dy[window];
                }
            }
            dx[(whole)plane * height * width + i] = sum;
        }
    }
}

// How many pixels of an axis a window averages.
__device__ __forceinline__ int counted(int start, int window, int size, int count_padding) {
    return count_padding ? window : min(start + window, size) - max(start, 0);
}

// y = the mean of each window; padding counts as zeros, or not at all.
extern "C" __global__ void average_pool(
    const REAL* __restrict__ x, REAL* __restrict__ y, int planes,
    int height, int out_height, int window_height, int stride_height, int top,
    int width, int out_width, int window_width, int stride_width, int left, int count_padding)
{
    int windows = out_height * out_width;
    for (int plane = blockIdx.y; plane < planes; plane += gridDim.y) {
        const REAL* source = x + (whole)plane * height * width;
        for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < windows; i += gridDim.x * blockDim.x) {
            int p = (unsigned int)i / (unsigned int)out_width;
            int h0 = p * stride_height - top, w0 = (i - p * out_width) * stride_width - left;
            REAL sum = 0;
            for (int h = max(h0, 0); h < min(h0 + window_height, height); ++h)
                for (int w = max(w0, 0); w < min(w0 + window_width, width); ++w) sum += source[h * width + w];
            int pixels = counted(h0, window_height, height, count_padding)
                       * counted(w0, window_width, width, count_padding);
            y[(whole)plane * windows + i] = sum / REAL(pixels);
        }
    }
}

// dx of a pixel = the sum over its windows of dy divided by the number of their pixels.
extern "C" __global__ void average_pool_gradient(
    const REAL* __restrict__ dy, REAL* __restrict__ dx, int planes,
    int height, int out_height, int window_height, int stride_height, int top,
    int width, int out_width, int window_width, int stride_width, int left, int count_padding)
{
    int windows = out_height * out_width;
    for (int plane = blockIdx.y; plane < planes; plane += gridDim.y) {
        for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < height * width; i += gridDim.x * blockDim.x) {
            int row = (unsigned int)i / (unsigned int)width, h = row + top, w = i - row * width + left;
            int last_p = min((int)quotient(h, stride_height), out_height - 1);
            int last_q = min((int)quotient(w, stride_width), out_width - 1);
            REAL sum = 0;
            for (int p = last_p; p >= 0 && p * stride_height + window_height > h; --p) {
                for (int q = last_q; q >= 0 && q * stride_width + window_width > w; --q) {
                    int pixels = counted(p * stride_height - top, window_height, height, count_padding)
                               * counted(q * stride_width - left, window_width, width, count_padding);
                    sum += dy[(whole)plane * windows + p * out_width + q] / REAL(pixels);
                }
            }
            dx[(whole)plane * height * width + i] = sum;
        }
    }
}
