"""The interface of a loss: a mean over the batch, its gradient, probabilities and decisions from outputs."""

from abc import ABC, abstractmethod
from typing import Any

from cnnkit.backends.protocol import Array, Backend, Shape
from cnnkit.contracts import describe, dtype_name, is_array
from cnnkit.errors import ConfigError, ShapeError
from cnnkit.purity import Part


class Loss(Part, ABC):
    """A function of outputs (N, K) and targets: class labels (N,) as integers, or numbers of the outputs' shape.

    Losses that compare numbers take outputs (N, ...) of any shape as well, such as images.
    Subclasses are frozen dataclasses; `pure` as in layers.
    """

    @abstractmethod
    def value_and_gradient(self, backend: Backend, outputs: Array, targets: Array) -> tuple[Array, Array]:
        """Return (loss, dy): the mean over the batch (0-d), and its gradient with respect to the outputs (N, K)."""

    def probabilities(self, backend: Backend, outputs: Array) -> Array:  # noqa: ARG002 (others need the backend)
        """Return the score of each class (N, K); by default the outputs."""
        return outputs

    def decide(self, backend: Backend, outputs: Array) -> Array:
        """Return the class of each sample, int64 (N,)."""
        require_rows(self, outputs)
        return backend.argmax(outputs, axis=1)

    def check(self, output_shape: Shape, spec: Any) -> None:
        """Raise ConfigError unless a net with outputs of this shape (K,) can be trained on targets of this spec."""
        if spec.kind != "class":
            if tuple(output_shape) != tuple(spec.shape):
                raise ConfigError(f"loss: expected targets of shape {('N', *output_shape)}, got {spec}")
            return
        classes = len(spec.names)
        if output_shape != (classes,):
            raise ConfigError(
                f"the data have {classes} classes, the network's output is {output_shape}: "
                f"a network for them ends with Dense({classes})"
            )


def as_targets(loss: Loss, backend: Backend, outputs: Array, targets: Array) -> Array:
    """Return targets of the outputs' shape: integer labels (N,) become rows of zeros with a one at the label.

    Raises ShapeError where targets and outputs do not fit together.
    """
    require_targets(loss, outputs, targets)
    return backend.one_hot(targets, outputs) if targets.ndim == 1 else targets


def require_targets(loss: Loss, outputs: Array, targets: Array) -> None:
    """Raise ShapeError unless targets are labels (N,) for outputs (N, K), or numbers like the outputs (N, ...).

    Values are not looked at, as they may lie on a device: labels in [0, K) are for the data set to check.
    """
    name = type(loss).__name__
    for what, value in (("outputs", outputs), ("targets", targets)):
        if not is_array(value):
            hint = "make one by backend.asarray"
            raise ShapeError(name, f"expected {what} as an array of the backend, got {describe(value)}", hint)
    given = tuple(outputs.shape)
    if len(given) < 2 or not dtype_name(outputs).startswith("float"):
        raise ShapeError(name, f"expected outputs (N, K) of floats, got {given} of {dtype_name(outputs)}")
    if 0 in given:
        raise ShapeError(name, f"expected at least one sample and one output, got {given}")
    if targets.ndim == 1:
        _require_labels(name, given, targets)
    elif tuple(targets.shape) != given:
        column = tuple(targets.shape) in ((given[0], 1), (1, given[0]))
        problem = f"expected targets of the outputs' shape {given}, got {tuple(targets.shape)}"
        raise ShapeError(name, problem, "labels have the shape (N,)" if column else None)
    elif dtype_name(targets) != dtype_name(outputs):
        wanted = dtype_name(outputs)
        hint = f"convert them by backend.asarray(targets, '{wanted}')"
        raise ShapeError(name, f"expected targets of {wanted} as the outputs, got {dtype_name(targets)}", hint)


def require_rows(loss: Loss, outputs: Array) -> None:
    """Raise ShapeError unless outputs are rows (N, K), a score for each class."""
    if outputs.ndim != 2:
        raise ShapeError(
            type(loss).__name__,
            f"expected outputs (N, K), a score for each class, got {tuple(outputs.shape)}",
            "put a Flatten or GlobalAvgPool2D at the network's end",
        )


def _require_labels(name: str, outputs: Shape, labels: Array) -> None:
    if len(outputs) != 2:
        raise ShapeError(
            name, f"expected targets of the outputs' shape {outputs}, got labels {tuple(labels.shape)}",
            "labels need outputs (N, K): put a Flatten or GlobalAvgPool2D at the network's end",
        )  # fmt: skip
    if "int" not in dtype_name(labels):
        hint = "numbers to be approached have the outputs' shape (N, K)"
        raise ShapeError(name, f"expected labels (N,) of integers, got {dtype_name(labels)}", hint)
    if labels.shape[0] != outputs[0]:
        raise ShapeError(name, f"expected a label for each of {outputs[0]} samples, got {labels.shape[0]}")
