"""The gradient of one update, added up over pieces of its samples, in their order.

What a piece adds is its share of the mean over the whole update: by its samples, or by its labels that are not ignored.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from cnnkit.backends.protocol import Array, Backend
from cnnkit.contracts import dtype_name
from cnnkit.layers import Layer
from cnnkit.losses import Loss, external_loss
from cnnkit.losses.several_losses import SeveralLosses
from cnnkit.options import Options
from cnnkit.tree import Tree, leaves, map_leaves


class Passed(NamedTuple):
    """What the passes of a step give before its update."""

    loss: Array
    correct: Array
    grads: Tree
    state: Tree  # after the passes


class BatchPiece(NamedTuple):
    """Samples of an update from number `start` on; share: of its mean, a tuple for several losses, None of all."""

    start: int
    x: Any
    targets: Any
    weights: Array | None
    share: Any


def add_up(pieces: Iterator[BatchPiece], run: Callable[[BatchPiece, Tree], Passed], state: Tree) -> Passed:
    """Return the sum of run(piece, state) over the pieces: ((first + second) + third) + ...

    state: of the layers, which each piece takes from the one before.
    """
    total = None
    for piece in pieces:
        passed = run(piece, state if total is None else total.state)
        if total is not None:
            grads = map_leaves(lambda one, other: one + other, total.grads, passed.grads)
            passed = Passed(total.loss + passed.loss, total.correct + passed.correct, grads, passed.state)
        total = passed
    assert total is not None  # noqa: S101 (for the type checker: an update has samples)
    return total


def cut(
    backend: Backend, loss: Loss, params: Tree, x: Any, targets: Any, weights: Array | None, size: int | None
) -> Iterator[BatchPiece]:
    """Yield the samples of an update in pieces of `size`, the last one smaller; None: all at once."""
    count = _count_samples(x)
    if size is None or count <= size:
        yield BatchPiece(0, x, targets, weights, None)
        return
    parts = []
    for start in range(0, count, size):
        inputs, wanted, weighing = (slice_samples(values, start, start + size) for values in (x, targets, weights))
        parts.append(BatchPiece(start, inputs, wanted, weighing, None))
    dtype = dtype_name(leaves(params)[0][0])
    shares = _find_shares(backend, loss, [(_count_samples(part.x), part.targets) for part in parts], dtype)
    for part, share in zip(parts, shares, strict=True):
        yield part._replace(share=share)


def value_and_gradient(loss: Loss, backend: Backend, outputs: Any, piece: BatchPiece) -> tuple[Array, Any]:
    """Return (loss, dy) of a piece's outputs, times the piece's share."""
    weighted = () if piece.weights is None else (piece.weights,)
    if isinstance(loss, SeveralLosses) and piece.share is not None:
        weights = tuple(weight * share for weight, share in zip(loss.weights, piece.share, strict=True))
        loss = dataclasses.replace(loss, weights=weights)
    value, dy = external_loss.value_and_gradient(loss, backend, outputs, piece.targets, *weighted)
    if piece.share is None or isinstance(loss, SeveralLosses):
        return value, dy
    return value * piece.share, dy * piece.share


def tell_coupling(network: Layer, loss: Loss, options: Options) -> str | None:
    """Return the line that says what of a training in pieces is not as with all samples at once; None for nothing."""
    if options.piece_size == options.update_size:
        return None
    coupling = ["layers that couple samples, such as BatchNorm,"] if network.couples_samples else []
    coupling += ["a loss that couples samples"] if loss.couples_samples else []
    pieces = f"{options.update_size} samples an update in pieces of {options.piece_size}"
    return f"{pieces}: {' and '.join(coupling)} see one piece at a time" if coupling else None


def slice_samples(values: Any, start: int, stop: int) -> Any:
    """Return samples start, ..., stop - 1 of an array, of a tuple of arrays, or None of None."""
    if isinstance(values, tuple):
        return tuple(part[start:stop] for part in values)
    return None if values is None else values[start:stop]


def _find_shares(backend: Backend, loss: Loss, parts: list[tuple[int, Any]], dtype: str) -> list[Any]:
    """Return the share of each part (number of samples, targets) in the mean of each loss."""
    if isinstance(loss, SeveralLosses):
        columns = [
            _find_shares(backend, one, [(count, _pick(targets, i)) for count, targets in parts], dtype)
            for i, one in enumerate(loss.losses)
        ]
        return list(zip(*columns, strict=True))
    numbers = [loss.count(backend, targets, dtype) for _, targets in parts]
    if numbers[0] is None:
        total = sum(count for count, _ in parts)
        return [count / total for count, _ in parts]
    whole = numbers[0]
    for number in numbers[1:]:
        whole = whole + number
    whole = backend.maximum(whole, 1.0)
    return [number / whole for number in numbers]


def _pick(targets: Any, output: int) -> Any:
    return targets[output] if isinstance(targets, tuple) else targets


def _count_samples(x: Any) -> int:
    return int((x[0] if isinstance(x, tuple) else x).shape[0])
