// One optimizer step over a flat array of parameters, in place; the formulas are those of cnnkit.backends.protocol.
// Numbers that change from step to step are read from the device; those that do not are given by value.
#include "common.cuh"

extern "C" __global__ void sgd(
    REAL* __restrict__ parameter, const REAL* __restrict__ gradient, const REAL* rate, long long count,
    double momentum, double nesterov, double weight_decay)
{
    EACH(i, count) {
        REAL g = gradient[i] + parameter[i] * REAL(weight_decay);
        parameter[i] -= g * *rate;
    }
}

extern "C" __global__ void sgd_momentum(
    REAL* __restrict__ parameter, const REAL* __restrict__ gradient, REAL* __restrict__ velocity, const REAL* rate,
    long long count, double momentum, double nesterov, double weight_decay)
{
    EACH(i, count) {
        REAL g = gradient[i] + parameter[i] * REAL(weight_decay);
        REAL v = velocity[i] * REAL(momentum) + g;
        velocity[i] = v;
        parameter[i] -= (nesterov != 0 ? g + v * REAL(momentum) : v) * *rate;
    }
}

extern "C" __global__ void rmsprop(
    REAL* __restrict__ parameter, const REAL* __restrict__ gradient, REAL* __restrict__ square, const REAL* rate,
    long long count, double decay, double epsilon, double momentum, double weight_decay)
{
    EACH(i, count) {
        REAL g = gradient[i] + parameter[i] * REAL(weight_decay);
        REAL s = square[i] * REAL(decay) + g * g * REAL(1 - decay);
        square[i] = s;
        parameter[i] -= g / (sqrt(s) + REAL(epsilon)) * *rate;
    }
}

extern "C" __global__ void rmsprop_momentum(
    REAL* __restrict__ parameter, const REAL* __restrict__ gradient, REAL* __restrict__ square,
    REAL* __restrict__ velocity, const REAL* rate, long long count,
    double decay, double epsilon, double momentum, double weight_decay)
{
    EACH(i, count) {
        REAL g = gradient[i] + parameter[i] * REAL(weight_decay);
        REAL s = square[i] * REAL(decay) + g * g * REAL(1 - decay);
        REAL v = velocity[i] * REAL(momentum) + g / (sqrt(s) + REAL(epsilon));
        square[i] = s;
        velocity[i] = v;
        parameter[i] -= v * *rate;
    }
}

// Adam's step for parameter p and gradient g, both with weight decay seen to.
__device__ __forceinline__ REAL adam_step(
    REAL p, REAL g, REAL* first, REAL* second, REAL size, REAL correction, double beta1, double beta2, double epsilon)
{
    REAL m = *first * REAL(beta1) + g * REAL(1 - beta1);
    REAL v = *second * REAL(beta2) + g * g * REAL(1 - beta2);
    *first = m;
    *second = v;
    return p - m / (sqrt(v) * correction + REAL(epsilon)) * size;
}

extern "C" __global__ void adam(
    REAL* __restrict__ parameter, const REAL* __restrict__ gradient, REAL* __restrict__ first,
    REAL* __restrict__ second, const REAL* rate, const REAL* size, const REAL* correction, long long count,
    double beta1, double beta2, double epsilon, double weight_decay)
{
    EACH(i, count) {
        REAL p = parameter[i], g = gradient[i] + p * REAL(weight_decay);
        parameter[i] = adam_step(p, g, first + i, second + i, *size, *correction, beta1, beta2, epsilon);
    }
}

extern "C" __global__ void adamw(
    REAL* __restrict__ parameter, const REAL* __restrict__ gradient, REAL* __restrict__ first,
    REAL* __restrict__ second, const REAL* rate, const REAL* size, const REAL* correction, long long count,
    double beta1, double beta2, double epsilon, double weight_decay)
{
    EACH(i, count) {
        REAL p = parameter[i] - parameter[i] * (*rate * REAL(weight_decay));
        parameter[i] = adam_step(p, gradient[i], first + i, second + i, *size, *correction, beta1, beta2, epsilon);
    }
}
