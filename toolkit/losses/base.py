"""The interface of a loss: a mean over the batch, its gradient, scores and decisions from outputs."""

import math
from abc import ABC, abstractmethod
from typing import ClassVar

from cnnkit.backends.protocol import Array, Backend, Shape
from cnnkit.contracts import describe, dtype_name, is_array
from cnnkit.errors import ShapeError
from cnnkit.losses.fitting import KINDS, TargetDescriptions, require_fit, require_one
from cnnkit.purity import Part


class Loss(Part, ABC):
    """A function of outputs (N, K, ...) and targets, averaged over samples and places.

    Targets are class labels (N,) for outputs (N, K), maps of class labels (N, H, W) for outputs (N, K, H, W), or
    numbers of the outputs' shape; any number of axes may follow the second one. Labels are int64; one of -1 is ignored:
    its loss and gradient are 0, and the mean is over the others.
    Subclasses are frozen dataclasses; `pure` as in layers.

    kinds        of targets that the loss can be trained on (`check`)
    one_for_two  one output may decide between two classes
    target_range  the least and the largest number that targets may be, beyond which the loss has no smallest value
    """

    kinds: ClassVar[tuple[str, ...]] = KINDS
    one_for_two: ClassVar[bool] = False
    target_range: ClassVar[tuple[float, float]] = (-math.inf, math.inf)

    @property
    def decides(self) -> bool:
        """Whether the outputs decide a class; False where they are an embedding."""
        return True

    @property
    def couples_samples(self) -> bool:
        """Whether one sample's loss depends on the other samples of its batch."""
        return False

    @property
    def compares_numbers(self) -> bool:
        """Whether the outputs approach the targets as numbers, so that numbers rather than classes are expected."""
        own = type(self).probabilities is Loss.probabilities
        if "class" not in self.kinds:
            return "numbers" in self.kinds
        return self.kinds == KINDS and not self.one_for_two and own

    @abstractmethod
    def value_and_gradient(
        self, backend: Backend, outputs: Array, targets: Array, weights: Array | None = None
    ) -> tuple[Array, Array]:
        """Return (loss, dy): the mean over the batch (0-d), and its gradient in the outputs, of their shape.

        weights: (N,) of the outputs' dtype, with a mean of 1: factors of the samples' losses; for maps of classes
        (N, H, W) too, factors of the places.
        """

    def count(self, backend: Backend, targets: Array, dtype: str) -> Array | None:
        """Return what counts of these samples, 0-d of `dtype`: labels that are not ignored; None where all count."""
        if "int" not in dtype_name(targets):
            return None
        ones = backend.zeros(tuple(targets.shape), dtype) + 1
        return backend.sum(backend.where(targets >= 0, ones, 0.0))

    def probabilities(self, backend: Backend, outputs: Array) -> Array:  # noqa: ARG002 (others need the backend)
        """Return what the outputs say in the targets' terms: the score of each class or tag, or numbers.

        By default the outputs themselves; of the outputs' shape, except that one output that decides between two
        classes becomes two.
        """
        return outputs

    def decide(self, backend: Backend, outputs: Array) -> Array:
        """Return the class of each sample, int64 (N,), or of each place (N, ...)."""
        return backend.argmax(outputs, axis=1)

    def check(self, output_shape: Shape, spec: TargetDescriptions) -> None:
        """Raise ConfigError unless a net with outputs of this shape (without N) can be trained on such targets."""
        require_fit(self, output_shape, require_one(spec))


def is_labelled(outputs: Array, targets: Array) -> bool:
    """Return whether targets that fit the outputs are class labels, not numbers."""
    return targets.ndim < outputs.ndim


def require_targets(loss: Loss, outputs: Array, targets: Array) -> None:
    """Raise ShapeError unless targets are labels (N, ...) for outputs (N, K, ...), or numbers like the outputs.

    Values are not looked at, as they may lie on a device: labels in [0, K) are for the data set to check.
    """
    name = type(loss).__name__
    for what, value in (("outputs", outputs), ("targets", targets)):
        if not is_array(value):
            hint = "make one by backend.asarray"
            raise ShapeError(name, f"expected {what} as an array of the backend, got {describe(value)}", hint)
    given, got = tuple(outputs.shape), tuple(targets.shape)
    if len(given) < 2 or not dtype_name(outputs).startswith("float"):
        raise ShapeError(name, f"expected outputs (N, K) of floats, got {given} of {dtype_name(outputs)}")
    if 0 in given:
        raise ShapeError(name, f"expected at least one sample and one output, got {given}")
    if len(got) == 1 or got == (given[0], *given[2:]):
        _require_labels(name, given, targets)
    elif got != given:
        column = got in ((given[0], 1), (1, given[0]))
        problem = f"expected targets of the outputs' shape {given}, got {got}"
        raise ShapeError(name, problem, "labels have the shape (N,)" if column else None)
    elif dtype_name(targets) != dtype_name(outputs):
        wanted = dtype_name(outputs)
        hint = f"convert them by backend.asarray(targets, '{wanted}')"
        raise ShapeError(name, f"expected targets of {wanted} as the outputs, got {dtype_name(targets)}", hint)


def _require_labels(name: str, outputs: Shape, labels: Array) -> None:
    got = tuple(labels.shape)
    if len(outputs) != 2 and len(got) == 1:
        raise ShapeError(
            name, f"expected targets of the outputs' shape {outputs}, got labels {got}",
            "labels need outputs (N, K): put a Flatten or GlobalAvgPool2D at the network's end",
        )  # fmt: skip
    if "int" not in dtype_name(labels):
        hint = f"numbers to be approached have the outputs' shape ({'N, K' if len(outputs) == 2 else 'N, K, ...'})"
        shape = "(N,)" if len(outputs) == 2 else "(N, ...)"
        raise ShapeError(name, f"expected labels {shape} of integers, got {dtype_name(labels)}", hint)
    if got[0] != outputs[0]:
        raise ShapeError(name, f"expected a label for each of {outputs[0]} samples, got {got[0]}")
