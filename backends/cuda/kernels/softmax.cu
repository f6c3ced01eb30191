// Softmax cross-entropy with its gradient in one pass, one warp per sample.
#include "common.cuh"

__device__ __forceinline__ REAL warp_max(REAL value) {
    for (int step = 16; step > 0; step /= 2) {
        REAL other = __shfl_xor_sync(0xffffffffu, value, step);
        value = other > value || other != other ? other : value;
    }
    return value;
}

// dy = (softmax(outputs) - target) / samples and loss = mean of -sum target * log softmax(outputs), where
// target = 1 - smoothing at the label, plus smoothing / classes everywhere. Samples of a label below 0 have loss and
// gradient 0 and are not counted; each warp counts the others, so `samples` must not be large.
// Block: warps of 32. The losses of the samples are stored in `losses` until the last block adds them, in order.
extern "C" __global__ void softmax_cross_entropy(
    const REAL* __restrict__ outputs, const long long* __restrict__ labels, REAL* __restrict__ dy, REAL* losses,
    REAL* __restrict__ loss, unsigned int* counter, int samples, int classes, double smoothing)
{
    int lane = threadIdx.x % 32, warps = blockDim.x / 32;
    REAL rest = REAL(smoothing / classes), own = REAL(1 - smoothing), counted = 0;
    for (int n = lane; n < samples; n += 32) counted += labels[n] >= 0;
    counted = warp_sum(counted);
    if (counted < 1) counted = 1;
    for (int n = blockIdx.x * warps + threadIdx.x / 32; n < samples; n += gridDim.x * warps) {
        const REAL* row = outputs + (whole)n * classes;
        whole label = labels[n];
        REAL largest = -1 / REAL(0), total = 0, sum = 0;
        for (int k = lane; k < classes; k += 32) largest = row[k] > largest || row[k] != row[k] ? row[k] : largest;
        largest = warp_max(largest);
        for (int k = lane; k < classes; k += 32) total += exp(row[k] - largest);
        total = warp_sum(total);
        REAL log_total = log(total);
        for (int k = lane; k < classes; k += 32) {
            REAL shifted = row[k] - largest, target = k == label ? own + rest : rest;
            dy[(whole)n * classes + k] = label < 0 ? 0 : (exp(shifted) / total - target) / counted;
            if (target != 0 && label >= 0) sum += target * (log_total - shifted);
        }
        sum = warp_sum(sum);
        if (lane == 0) losses[n] = sum;
    }
    if (!finishes_last(counter, gridDim.x)) return;
    REAL sum = 0;
    for (int n = threadIdx.x; n < samples; n += blockDim.x) sum += ((volatile REAL*)losses)[n];
    sum = block_sum(sum);
    if (threadIdx.x == 0) *loss = sum / counted;
}
