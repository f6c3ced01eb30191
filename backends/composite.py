"""Default bodies of the composite primitives, in terms of the small ones; a backend may have faster ones of its own."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from cnnkit.backends.protocol import Array, Backend


class Rule(Protocol):
    """What an optimizer shows of itself to a backend."""

    @property
    def name(self) -> str:
        """The name of the formula and of whose it is: "cnnkit.Adam"."""
        ...

    def constants(self) -> tuple[float, ...]:
        """Return the formula's fixed numbers, in the order of the optimizer's fields."""
        ...

    def formula(
        self,
        backend: "Backend",
        parameter: "Array",
        gradient: "Array",
        slots: dict[str, "Array"],
        scalars: Mapping[str, Any],
    ) -> tuple["Array", dict[str, "Array"]]:
        """Return (new parameter, new slots), element by element; nothing is written in place."""
        ...


def add_bias(backend: "Backend", x: "Array", bias: "Array", relu: bool) -> "Array":
    """X + bias along axis 1, then max(., 0) if relu."""
    y = x + (bias if x.ndim == 2 else bias.reshape((1, -1, 1, 1)))
    return backend.maximum(y, 0.0) if relu else y


def add_bias_gradient(backend: "Backend", dy: "Array", y: "Array", relu: bool) -> tuple["Array", "Array"]:
    """The adjoint of add_bias: (dx, dbias)."""
    dx = dy * (y > 0) if relu else dy
    return dx, backend.sum(dx, axis=(0, 2, 3) if dx.ndim == 4 else 0)


def softmax_cross_entropy(
    backend: "Backend", outputs: "Array", targets: "Array", label_smoothing: float
) -> tuple["Array", "Array"]:
    """Mean over samples of -sum over classes of target * log softmax(outputs), and its gradient in outputs."""
    count, classes = outputs.shape
    wanted = backend.one_hot(targets, outputs) if targets.ndim == 1 else targets
    if label_smoothing:
        wanted = wanted * (1 - label_smoothing) + label_smoothing / classes
    shifted = outputs - backend.max(outputs, axis=1, keepdims=True)
    powers = backend.exp(shifted)
    total = backend.sum(powers, axis=1, keepdims=True)
    loss = backend.sum(wanted * (backend.log(total) - shifted)) / count
    return loss, (powers / total - wanted) / count


def one_hot(backend: "Backend", labels: "Array", like: "Array") -> "Array":
    """Rows of zeros with a one at the label."""
    classes = backend.arange(like.shape[1])
    return backend.where(labels.reshape((-1, 1)) == classes, like * 0 + 1, 0.0)


def update(
    backend: "Backend",
    rule: Rule,
    parameter: "Array",
    gradient: "Array",
    slots: dict[str, "Array"],
    scalars: Mapping[str, Any],
) -> tuple["Array", dict[str, "Array"]]:
    """The rule's formula, its results assigned."""
    value, values = rule.formula(backend, parameter, gradient, slots, scalars)
    return backend.assign(parameter, value), {name: backend.assign(slots[name], new) for name, new in values.items()}


def pack(backend: "Backend", arrays: Sequence["Array"]) -> "Array":
    """All values of `arrays` one after the other."""
    return backend.concatenate([array.reshape((-1,)) for array in arrays])
