"""Values between two bounds, for activations with flat pieces."""

from cnnkit.backends.protocol import Array, Backend


def clip_values(backend: Backend, x: Array, low: float, high: float) -> Array:
    """Return min(max(x, low), high); NaN stays NaN."""
    return backend.where(x > high, high, backend.maximum(x, low))
