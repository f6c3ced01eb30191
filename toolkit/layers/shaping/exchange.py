"""Splitting axes, bringing them into another order, and joining them: what shuffles and space-to-depth are made of."""

from cnnkit.backends.protocol import Array, Backend, Shape


def exchange_axes(backend: Backend, x: Array, split: Shape, order: tuple[int, ...], joined: Shape) -> Array:
    """Return x in shape `split`, its axes then in `order`, then in shape `joined`."""
    return backend.transpose(x.reshape(split), order).reshape(joined)
