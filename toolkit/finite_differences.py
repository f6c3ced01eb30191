"""Gradient check: the backward pass against central differences of the loss, in float64.

Along a random direction d of one tensor t, (loss(t + h d) - loss(t - h d)) / 2h must equal <gradient, d>: two
evaluations per tensor of any size (as in HIPS/autograd's test_util). The other tensors do not change.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnkit import losses
from cnnkit.backends.protocol import Backend
from cnnkit.backends.registry import get_backend
from cnnkit.budget import PassBudget
from cnnkit.contracts import require_tree_like
from cnnkit.layers import Graph, external_layer
from cnnkit.layers.base import Context, Layer, Shapes, count_values, list_shapes
from cnnkit.layers.drawing import draw
from cnnkit.layers.external_layer import require_layers
from cnnkit.layers.fields import require_input_shapes
from cnnkit.losses import SeveralLosses, external_loss
from cnnkit.losses.base import Loss
from cnnkit.tree import Tree, flatten, map_leaves, unflatten

Values = NDArray[np.float64]

_STEP = 1e-6  # first step, relative to the tensor's scale
_NOISE = 64 * np.finfo(np.float64).eps  # rounding error of a loss of 1 and of the sums in it

# Second-order differences, {position: weight}. With a kink on one side, the difference on the other side is right.
_CENTRAL = {1: 0.5, -1: -0.5}
_ONE_SIDED = ({0: -1.5, 1: 2.0, 2: -0.5}, {0: 1.5, -1: -2.0, -2: 0.5})


@dataclass(frozen=True)
class GradientRow:
    """One direction of one tensor.

    name: dotted path of the parameter, or "x", of several inputs "input left"; with an index where a single entry was
    moved ("0.weight[2, 1]").
    error: |numeric - analytic| over the larger of the two; where both are below rounding, over the rounding error.
    """

    name: str
    numeric: float
    analytic: float
    error: float
    bound: float

    @property
    def passed(self) -> bool:
        """Whether the error is within the bound; False for NaN."""
        return self.error <= self.bound


@dataclass(frozen=True)
class GradientReport:
    """Results of gradient_check, one row per direction."""

    rows: tuple[GradientRow, ...]

    @property
    def passed(self) -> bool:
        """Whether every row passed."""
        return all(row.passed for row in self.rows)

    def __str__(self) -> str:
        return "\n".join(
            f"{'ok   ' if row.passed else 'WRONG'} {row.name}: numeric {row.numeric:.9g}, analytic {row.analytic:.9g}, "
            f"relative error {row.error:.1e} (bound {row.bound:.0e})"
            for row in self.rows
        )


class _Pass(NamedTuple):
    """Everything that a pass needs except the tensors that are moved; its random draws are the same in every pass."""

    network: Layer
    loss: Loss
    context: Context
    state: Tree
    targets: Any
    inputs: tuple[str, ...] = ("x",)

    def _forward(self, tensors: dict[str, Values]) -> tuple[Any, Any, Any, list[Any]]:
        """Return (params, cache, loss, dys): the loss of each output, or of all as one row."""
        backend = self.context.backend
        moved = {name: backend.asarray(np.ascontiguousarray(t), "float64") for name, t in tensors.items()}
        xs = tuple(moved.pop(name) for name in self.inputs)
        params = unflatten(moved)
        with np.errstate(all="ignore"):  # a gradient that is not finite is a row that does not pass
            y, cache = external_layer.forward(self.network, self.context, params, self.state, _unpack(xs))
            made: Any = y
            ys = made if isinstance(made, tuple) else (made,)
            rows = [part.reshape((part.shape[0], -1)) for part in ys]  # a layer alone may end in images
            if isinstance(self.loss, SeveralLosses):
                loss, dys = self.loss.value_and_gradient(backend, tuple(rows), self.targets)
                return params, cache, loss, [dy.reshape(part.shape) for dy, part in zip(dys, ys, strict=True)]
            joined = rows[0] if len(rows) == 1 else backend.concatenate(rows, axis=1)
            loss, dy = external_loss.value_and_gradient(self.loss, backend, joined, self.targets)
        ends = list(itertools.accumulate(row.shape[1] for row in rows))
        parts = zip(ys, [0, *ends], ends, strict=False)
        return params, cache, loss, [dy[:, begin:end].reshape(part.shape) for part, begin, end in parts]

    def value(self, tensors: dict[str, Values]) -> float:
        """Return the loss."""
        return float(self.context.backend.to_numpy(self._forward(tensors)[2]))

    def gradients(self, tensors: dict[str, Values]) -> dict[str, Values]:
        """Return the analytic gradients, named like the tensors."""
        params, cache, _, dys = self._forward(tensors)
        with np.errstate(all="ignore"):
            dx, grads = external_layer.backward(self.network, self.context, params, cache, _unpack(dys))
        require_tree_like(self.network.type, "backward", "gradient", grads, params)
        dxs: Any = (dx,) if len(self.inputs) == 1 else dx
        by_name = dict(zip(self.inputs, dxs, strict=True)) | flatten(grads)
        return {name: np.array(self.context.backend.to_numpy(g), np.float64) for name, g in by_name.items()}


def _unpack(arrays: Sequence[Any]) -> Any:
    """Return one array as it is, several as the tuple that layers take and give."""
    return arrays[0] if len(arrays) == 1 else tuple(arrays)


def _name_inputs(network: Layer, count: int) -> tuple[str, ...]:
    """Return a name for each input; no parameter can have it."""
    if count == 1:
        return ("x",)
    return tuple(f"input {name}" for name in (network.input_names if isinstance(network, Graph) else range(count)))


def gradient_check(
    network: Layer,
    loss: str | Loss,
    x_shape: Shapes,
    *,
    backend: str | Backend = "numpy",
    params: Tree | None = None,
    state: Tree | None = None,
    seed: int = 0,
    samples: int = 4,
    classes: int | None = None,
    training: bool = True,
    per_parameter: bool = False,
    entries: int = 8,
    bound: float = 1e-5,
) -> GradientReport:
    """Compare the network's backward pass with central differences of its loss, on normal inputs and random labels.

    x_shape: of one sample, without N; of several inputs a tuple of shapes.
    loss: where it names outputs ("main=...;aux=..."), each has its own; any other takes several outputs as one row.
    params, state: as `init` returns them; by default drawn from `seed`.
    classes: labels are drawn in 0..classes-1; None: the network's number of outputs (2 for one output).
    training: dropout is on, with the same masks in every evaluation, and BatchNorm uses the batch's statistics.
    per_parameter: in addition, up to `entries` random entries of each tensor are moved one by one.

    A mismatch does not raise: its row reports it. Where a kink (ReLU, max-pooling) lies within the step, one-sided
    differences and smaller steps avoid it; a wrong gradient is wrong in all of them.

    Raises ShapeError where x_shape does not fit the network, ContractError where backward forgets a gradient, gives
    one that is of no parameter, or one of another shape.
    """
    require_layers("gradient_check", "network", (network,))
    loss, backend, x_shape = (
        losses.parse(loss),
        get_backend(backend),
        require_input_shapes(x_shape, network.input_count),
    )
    rng = np.random.default_rng(seed)
    y_shapes, x_shapes = list_shapes(network.output_shape(x_shape)), list_shapes(x_shape)
    if isinstance(loss, SeveralLosses):
        loss = losses.fit_outputs(loss, network.output_names if isinstance(network, Graph) else ("output",))
    apart = isinstance(loss, SeveralLosses)
    outputs = min(map(count_values, y_shapes)) if apart else sum(map(count_values, y_shapes))
    inputs = _name_inputs(network, len(x_shapes))
    drawn = draw(network, rng, x_shape)
    PassBudget(backend, network, x_shape, itemsize=8, training=True).require_room(samples)
    host = flatten(drawn.params if params is None else params)
    tensors = {name: rng.normal(size=(samples, *shape)) for name, shape in zip(inputs, x_shapes, strict=True)}
    tensors |= {name: np.array(values, np.float64) for name, values in host.items()}
    labels = rng.integers(classes or max(outputs, 2), size=samples)
    fixed = _Pass(
        network,
        loss,
        Context(backend, training, (seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF)),
        map_leaves(lambda leaf: backend.asarray(leaf, "float64"), drawn.state if state is None else state),
        _draw_targets(loss, backend, rng, labels, tuple(map(count_values, y_shapes)), outputs),
        inputs,
    )
    gradients, noise = fixed.gradients(tensors), _NOISE * max(1.0, abs(fixed.value(tensors)))
    return GradientReport(
        tuple(
            _row(name + index, direction, gradients[name], _loss_on(fixed, tensors, name, direction), noise, bound)
            for name, tensor in tensors.items()
            for index, direction in _directions(tensor, rng, entries if per_parameter else 0)
        )
    )


def _draw_targets(
    loss: Loss, backend: Backend, rng: np.random.Generator, labels: Any, lengths: tuple[int, ...], outputs: int
) -> Any:
    """Return the labels on the backend; numbers instead for one output with a loss that compares numbers."""
    if isinstance(loss, SeveralLosses):
        parts = zip(loss.losses, lengths, strict=True)
        return tuple(_draw_targets(part, backend, rng, labels, (), length) for part, length in parts)
    if outputs == 1 and "numbers" in loss.kinds and not loss.one_for_two:
        return backend.asarray(rng.uniform(size=(len(labels), 1)), "float64")
    return backend.asarray(labels, "int64")


def _directions(tensor: Values, rng: np.random.Generator, entries: int) -> Iterator[tuple[str, Values]]:
    """Yield ("", a random direction of the tensor's shape), then (index, direction of one entry) for some entries."""
    scale = float(np.sqrt(np.mean(tensor**2))) or 1.0
    yield "", rng.normal(size=tensor.shape) * scale
    for flat in sorted(rng.permutation(tensor.size)[:entries]):
        direction = np.zeros(tensor.shape)
        direction.flat[flat] = scale
        yield f"[{', '.join(str(i) for i in np.unravel_index(flat, tensor.shape))}]", direction


def _loss_on(fixed: _Pass, tensors: dict[str, Values], name: str, direction: Values) -> Callable[[float], float]:
    """Return the function of h that is the loss with tensor `name` moved by h along `direction`."""
    return lambda h: fixed.value(tensors | {name: tensors[name] + h * direction})


def _row(
    name: str,
    direction: Values,
    gradient: Values,
    loss: Callable[[float], float],
    noise: float,
    bound: float,
) -> GradientRow:
    """Return the first row that passes, of all difference rules and smaller and smaller steps; else the first one."""
    analytic, h = float(np.sum(gradient * direction)), _STEP
    while True:
        rows = []
        for rule in (_CENTRAL, *_ONE_SIDED):
            numeric = _derivative(loss, h, rule)
            size = max(abs(numeric), abs(analytic))
            error = abs(numeric - analytic) / max(size, noise / h / bound)
            rows.append(GradientRow(name, numeric, analytic, error, bound))
            if rows[-1].passed:
                return rows[-1]
        h /= 2
        # Rounding must stay far below the bound, or a wrong gradient would pass.
        if not noise / h < bound * max(abs(rows[0].numeric), abs(analytic)) < math.inf:
            return rows[0]


def _derivative(loss: Callable[[float], float], h: float, rule: Mapping[int, float]) -> float:
    return sum(weight * loss(position * h) for position, weight in rule.items()) / h
