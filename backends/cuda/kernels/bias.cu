// The bias and the ReLU after it in one pass, and both gradients in one pass.
#include "common.cuh"

__device__ __forceinline__ SUM activated(SUM value, int relu) {
    return relu && value < 0 ? SUM(0) : value;  // NaN stays NaN
}

// x += bias in place, then max(., 0) if relu. Images: `rows` planes (sample, channel) of `length` pixels.
// Grid: x over a plane's pixels, y over the planes.
extern "C" __global__ void add_bias_images(
    REAL* __restrict__ x, const REAL* __restrict__ bias, int rows, int length, int channels, int relu)
{
    for (int row = blockIdx.y; row < rows; row += gridDim.y) {
        SUM shift = bias[row % channels];
        REAL* plane = x + (whole)row * length;
        for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < length; i += gridDim.x * blockDim.x)
            plane[i] = activated(plane[i] + shift, relu);
    }
}

// The same for x (rows, channels).
extern "C" __global__ void add_bias_rows(
    REAL* __restrict__ x, const REAL* __restrict__ bias, int rows, int channels, int relu)
{
    EACH(i, (whole)rows * channels) x[i] = activated(x[i] + bias[i % channels], relu);
}

// dbias[c] = the sum of dx over samples and pixels, and dx = dy where y > 0, else 0; without relu dx is dy, not written.
// Grid: x over `gridDim.x` parts of a channel's values, y over the channels. The sums of the parts are stored in
// partial (channels, gridDim.x) until the block that finishes a channel last adds them, in order.
extern "C" __global__ void bias_gradient_images(
    const REAL* __restrict__ dy, const REAL* __restrict__ y, REAL* __restrict__ dx, REAL* __restrict__ dbias,
    SUM* partial, unsigned int* counters, unsigned int samples, unsigned int channels, unsigned int length, int relu)
{
    unsigned int c = blockIdx.y, count = samples * length;
    SUM sum = 0;
    for (unsigned int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) {
        unsigned int n = i / length;
        whole at = ((whole)n * channels + c) * length + (i - n * length);
        SUM value = dy[at];
        if (relu) dx[at] = value = y[at] > 0 ? value : value * SUM(0);
        sum += value;
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) partial[c * gridDim.x + blockIdx.x] = sum;
    if (!finishes_last(counters + c, gridDim.x)) return;
    sum = 0;
    for (int i = threadIdx.x; i < gridDim.x; i += blockDim.x) sum += ((volatile SUM*)partial)[c * gridDim.x + i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) dbias[c] = sum;
}

// The same for dy (rows, channels). Block: 32 channels by 8; each thread sums every eighth row of its channel.
extern "C" __global__ void bias_gradient_rows(
    const REAL* __restrict__ dy, const REAL* __restrict__ y, REAL* __restrict__ dx, REAL* __restrict__ dbias,
    int rows, int channels, int relu)
{
    __shared__ SUM sums[8][32];
    int c = blockIdx.x * 32 + threadIdx.x;
    SUM sum = 0;
    if (c < channels) {
        for (int row = threadIdx.y; row < rows; row += 8) {
            whole at = (whole)row * channels + c;
            SUM value = dy[at];
            if (relu) dx[at] = value = y[at] > 0 ? value : value * SUM(0);
            sum += value;
        }
    }
    sums[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && c < channels) {
        for (int i = 1; i < 8; ++i) sum += sums[i][threadIdx.x];
        dbias[c] = sum;
    }
}
