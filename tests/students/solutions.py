"""Right answers to all exercises, written as students would: in plain loops and products, by nothing of cnnkit."""

SOLUTIONS = {
    "dense": """
import numpy as np

def dense(x, weight, bias):
    y = np.dot(x, weight.T)
    y = y + bias
    return y

def dense_backward(dy, x, weight):
    dx = np.dot(dy, weight)
    dweight = np.zeros(weight.shape)
    for n in range(len(x)):
        dweight += np.outer(dy[n], x[n])
    dbias = np.sum(dy, axis=0)
    return dx, dweight, dbias
""",
    "softmax-cross-entropy": """
import numpy as np

def softmax_cross_entropy(outputs, labels):
    n = len(labels)
    top = np.max(outputs, axis=1, keepdims=True)
    e = np.exp(outputs - top)
    total = np.sum(e, axis=1, keepdims=True)
    p = e / total
    logp = outputs - top - np.log(total)
    picked = logp[np.arange(n), labels]
    loss = -np.sum(picked) / n
    d = p.copy()
    d[np.arange(n), labels] -= 1
    d = d / n
    return loss, d
""",
    "sgd": """
def sgd(parameter, gradient, velocity, rate, momentum, decay):
    gradient = gradient + decay * parameter
    velocity = momentum * velocity + gradient
    parameter = parameter - rate * velocity
    return parameter, velocity
""",
    "initialization": """
import math

def count_fans(shape):
    area = 1
    for size in shape[2:]:
        area *= size
    return shape[1] * area, shape[0] * area

def glorot_uniform(draws):
    fan_in, fan_out = count_fans(draws.shape)
    limit = math.sqrt(6 / (fan_in + fan_out))
    return -limit + 2 * limit * draws

def he_normal(normals):
    fan_in, fan_out = count_fans(normals.shape)
    std = math.sqrt(2 / fan_in)
    return normals * std
""",
    "conv2d": """
import numpy as np

def conv2d(x, weight, bias, stride, padding):
    N, C, H, W = x.shape
    O, _, K, L = weight.shape
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    P = (H + 2 * padding - K) // stride + 1
    Q = (W + 2 * padding - L) // stride + 1
    y = np.zeros((N, O, P, Q))
    for n in range(N):
        for o in range(O):
            for p in range(P):
                for q in range(Q):
                    window = xp[n, :, p * stride:p * stride + K, q * stride:q * stride + L]
                    y[n, o, p, q] = np.sum(window * weight[o]) + bias[o]
    return y
""",
    "pooling": """
import numpy as np

def max_pool(x, window, stride):
    N, C, H, W = x.shape
    P, Q = (H - window) // stride + 1, (W - window) // stride + 1
    y = np.zeros((N, C, P, Q))
    for n in range(N):
        for c in range(C):
            for p in range(P):
                for q in range(Q):
                    r, s = p * stride, q * stride
                    y[n, c, p, q] = np.max(x[n, c, r:r + window, s:s + window])
    return y

def max_pool_backward(dy, x, window, stride):
    dx = np.zeros(x.shape)
    N, C, P, Q = dy.shape
    for n in range(N):
        for c in range(C):
            for p in range(P):
                for q in range(Q):
                    r, s = p * stride, q * stride
                    seen = x[n, c, r:r + window, s:s + window]
                    k, l = divmod(int(np.argmax(seen)), window)
                    dx[n, c, r + k, s + l] += dy[n, c, p, q]
    return dx
""",
    "im2col": """
import numpy as np

def im2col(x, window, stride, padding):
    N, C, H, W = x.shape
    K, L = window
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = []
    for n in range(N):
        for p in range(0, H + 2 * padding - K + 1, stride):
            for q in range(0, W + 2 * padding - L + 1, stride):
                seen = xp[n, :, p:p + K, q:q + L]
                rows.append(seen.ravel())
    return np.array(rows)
""",
    "conv2d-backward": """
import numpy as np

def conv2d_backward(dy, x, weight, stride, padding):
    N, C, H, W = x.shape
    O, _, K, L = weight.shape
    P, Q = dy.shape[2:]
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dxp = np.zeros(xp.shape)
    dweight = np.zeros(weight.shape)
    for n in range(N):
        for o in range(O):
            for p in range(P):
                for q in range(Q):
                    r, s = p * stride, q * stride
                    dxp[n, :, r:r + K, s:s + L] += weight[o] * dy[n, o, p, q]
                    dweight[o] += xp[n, :, r:r + K, s:s + L] * dy[n, o, p, q]
    dx = dxp[:, :, padding:padding + H, padding:padding + W]
    dbias = dy.sum(axis=(0, 2, 3))
    return dx, dweight, dbias
""",
    "dropout": """
import numpy as np

def dropout(x, draws, rate, training):
    if not training:
        return x
    mask = draws >= rate
    return x * mask / (1 - rate)

def dropout_backward(dy, draws, rate):
    keep = draws >= rate
    return dy * keep / (1 - rate)
""",
    "batch-norm": """
import numpy as np

def batch_norm(x, gamma, beta, running_mean, running_variance, momentum, epsilon, training):
    g, b = gamma.reshape(1, -1, 1, 1), beta.reshape(1, -1, 1, 1)
    if training:
        mean = np.mean(x, axis=(0, 2, 3))
        variance = np.var(x, axis=(0, 2, 3))
        m = x.shape[0] * x.shape[2] * x.shape[3]
        unbiased = variance * m / (m - 1)
        new_mean = (1 - momentum) * running_mean + momentum * mean
        new_variance = (1 - momentum) * running_variance + momentum * unbiased
    else:
        mean, variance = running_mean, running_variance
        new_mean, new_variance = running_mean, running_variance
    mu, v = mean.reshape(1, -1, 1, 1), variance.reshape(1, -1, 1, 1)
    y = (x - mu) / np.sqrt(v + epsilon) * g + b
    return y, new_mean, new_variance

def batch_norm_backward(dy, x, gamma, epsilon):
    axes = (0, 2, 3)
    m = x.size // x.shape[1]
    mean = x.mean(axis=axes, keepdims=True)
    std = np.sqrt(x.var(axis=axes, keepdims=True) + epsilon)
    z = (x - mean) / std
    dgamma = np.sum(dy * z, axis=axes)
    dbeta = np.sum(dy, axis=axes)
    dz = dy * gamma.reshape(1, -1, 1, 1)
    s1 = dz.sum(axis=axes, keepdims=True) / m
    s2 = (dz * z).sum(axis=axes, keepdims=True) / m
    dx = (dz - s1 - z * s2) / std
    return dx, dgamma, dbeta
""",
    "adam": """
import numpy as np

def adam(parameter, gradient, m, v, step, rate, beta1, beta2, epsilon):
    m = beta1 * m + (1 - beta1) * gradient
    v = beta2 * v + (1 - beta2) * gradient * gradient
    mh = m / (1 - beta1 ** step)
    vh = v / (1 - beta2 ** step)
    parameter = parameter - rate * mh / (np.sqrt(vh) + epsilon)
    return parameter, m, v
""",
}
