// Pooling and its gradients. Forward: one thread per window. Backward: one thread per pixel, which gathers from its
// windows. Grid of all four: x over the windows or pixels of an image, y over the images (sample, channel).
// Written for volumes; see windows.cuh.
#include "windows.cuh"

// y = the largest value of each window, places = the index in the image of the first such value. NaN counts as largest,
// and of several the last one is taken.
extern "C" __global__ void max_pool(
    const REAL* __restrict__ x, REAL* __restrict__ y, int* __restrict__ places, int images, WINDOWS)
{
    FIXED
    int windows = out_depth * out_height * out_width;
    for (int image = blockIdx.y; image < images; image += gridDim.y) {
        const REAL* source = x + (whole)image * depth * height * width;
        for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < windows; i += gridDim.x * blockDim.x) {
            Position at = position(i, out_height, out_width);
            int d0 = at.d * stride_depth - front, h0 = at.h * stride_height - top, w0 = at.w * stride_width - left;
            int place = -1;
            SUM best = -1 / SUM(0);  // of a window on padding only
            SEEN(d, d0, window_depth, dilation_depth, depth)
                SEEN(h, h0, window_height, dilation_height, height)
                    SEEN(w, w0, window_width, dilation_width, width) {
                        int seen = (d * height + h) * width + w;
                        SUM value = source[seen];
                        if (place < 0 || value > best || value != value) best = value, place = seen;
                    }
            y[(whole)image * windows + i] = best;
            places[(whole)image * windows + i] = place;
        }
    }
}

// dx of a pixel = the sum of dy over the windows whose first largest value it is.
extern "C" __global__ void max_pool_gradient(
    const REAL* __restrict__ dy, const int* __restrict__ places, REAL* __restrict__ dx, int images, WINDOWS)
{
    FIXED
    int windows = out_depth * out_height * out_width, pixels = depth * height * width;
    for (int image = blockIdx.y; image < images; image += gridDim.y) {
        for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < pixels; i += gridDim.x * blockDim.x) {
            Position at = position(i, height, width);
            int d = at.d + front, h = at.h + top, w = at.w + left;
            SUM sum = 0;
            SEEING(o, d, window_depth, stride_depth, dilation_depth, out_depth)
                SEEING(p, h, window_height, stride_height, dilation_height, out_height)
                    SEEING(q, w, window_width, stride_width, dilation_width, out_width) {
                        whole window = (whole)image * windows + (o * out_height + p) * out_width + q;
                        if (places[window] == i) sum += dy[window];
                    }
            dx[(whole)image * pixels + i] = sum;
        }
    }
}

// How many pixels of an axis a window averages: those in the image, and `before` and `after` it.
__device__ __forceinline__ int counted(int start, int window, int dilation, int size, int before, int after) {
    int first = first_inside(start + before, dilation) - before;
    int rest = size + after - first;  // may be less than what the window still covers
    int most = window - (first - start) / dilation;
    return rest <= 0 ? 0 : min(most, (rest - 1) / dilation + 1);
}

#define COUNT(axis, start) counted(start, window_##axis, dilation_##axis, axis, before_##axis, after_##axis)

// y = the mean of each window; of the padding only what is counted, as zeros.
extern "C" __global__ void average_pool(
    const REAL* __restrict__ x, REAL* __restrict__ y, int images, WINDOWS, COUNTED)
{
    FIXED NOT_COUNTED
    int windows = out_depth * out_height * out_width;
    for (int image = blockIdx.y; image < images; image += gridDim.y) {
        const REAL* source = x + (whole)image * depth * height * width;
        for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < windows; i += gridDim.x * blockDim.x) {
            Position at = position(i, out_height, out_width);
            int d0 = at.d * stride_depth - front, h0 = at.h * stride_height - top, w0 = at.w * stride_width - left;
            SUM sum = 0;
            SEEN(d, d0, window_depth, dilation_depth, depth)
                SEEN(h, h0, window_height, dilation_height, height)
                    SEEN(w, w0, window_width, dilation_width, width) sum += source[(d * height + h) * width + w];
            int count = COUNT(depth, d0) * COUNT(height, h0) * COUNT(width, w0);
            y[(whole)image * windows + i] = sum / SUM(count);
        }
    }
}

// dx of a pixel = the sum over its windows of dy divided by the number of their pixels.
extern "C" __global__ void average_pool_gradient(
    const REAL* __restrict__ dy, REAL* __restrict__ dx, int images, WINDOWS, COUNTED)
{
    FIXED NOT_COUNTED
    int windows = out_depth * out_height * out_width, pixels = depth * height * width;
    for (int image = blockIdx.y; image < images; image += gridDim.y) {
        for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < pixels; i += gridDim.x * blockDim.x) {
            Position at = position(i, height, width);
            int d = at.d + front, h = at.h + top, w = at.w + left;
            SUM sum = 0;
            SEEING(o, d, window_depth, stride_depth, dilation_depth, out_depth) {
                int layers = COUNT(depth, o * stride_depth - front);
                SEEING(p, h, window_height, stride_height, dilation_height, out_height) {
                    int rows = layers * COUNT(height, p * stride_height - top);
                    SEEING(q, w, window_width, stride_width, dilation_width, out_width) {
                        int count = rows * COUNT(width, q * stride_width - left);
                        sum += dy[(whole)image * windows + (o * out_height + p) * out_width + q] / SUM(count);
                    }
                }
            }
            dx[(whole)image * pixels + i] = sum;
        }
    }
}
