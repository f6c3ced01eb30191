"""The interface of a loss: a mean over the batch, its gradient, probabilities and decisions from outputs."""

from abc import ABC, abstractmethod

from cnnkit.backends.protocol import Array, Backend, Shape
from cnnkit.errors import ConfigError
from cnnkit.purity import Part


class Loss(Part, ABC):
    """A function of outputs (N, K) and targets: class labels (N,) as integers, or numbers of the outputs' shape.

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
        return backend.argmax(outputs, axis=1)

    def check(self, output_shape: Shape, classes: int) -> None:
        """Raise ConfigError unless a net with outputs of this shape (K,) can be trained on `classes` classes."""
        if output_shape != (classes,):
            raise ConfigError(
                f"the data have {classes} classes, the network's output is {output_shape}: "
                f"a network for them ends with Dense({classes})"
            )


def as_targets(backend: Backend, outputs: Array, targets: Array) -> Array:
    """Return targets of the outputs' shape: integer labels (N,) become rows of zeros with a one at the label."""
    return targets if targets.ndim == outputs.ndim else backend.one_hot(targets, outputs)
