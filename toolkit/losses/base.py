"""What a loss is: a mean over the batch, its gradient, and how outputs become probabilities and decisions."""

from abc import ABC, abstractmethod

from cnnkit.backends.protocol import Array, Backend, Shape
from cnnkit.errors import ConfigError
from cnnkit.purity import Part


class Loss(Part, ABC):
    """A function of outputs (N, K) and targets: class labels (N,) as integers, or numbers of the outputs' shape.

    Subclasses are frozen dataclasses; `pure` as of layers.
    """

    @abstractmethod
    def value_and_gradient(self, backend: Backend, outputs: Array, targets: Array) -> tuple[Array, Array]:
        """Return (loss, dy): the mean over the batch (0-d), and its gradient in outputs."""

    def probabilities(self, backend: Backend, outputs: Array) -> Array:  # noqa: ARG002 (others need the backend)
        """Return the outputs as the loss understands them, (N, K); a score for each class."""
        return outputs

    def decide(self, backend: Backend, outputs: Array) -> Array:
        """Return the class of each sample, int64 (N,)."""
        return backend.argmax(outputs, axis=1)

    def check(self, output_shape: Shape, classes: int) -> None:
        """Raise ConfigError unless a net with this output (K,) can be trained on that many classes."""
        if output_shape != (classes,):
            raise ConfigError(
                f"the data have {classes} classes, the network's output is {output_shape}: "
                f"a network for them ends with Dense({classes})"
            )


def as_targets(backend: Backend, outputs: Array, targets: Array) -> Array:
    """Return targets of the outputs' shape: integer labels (N,) become rows of zeros with a one at the label."""
    return targets if targets.ndim == outputs.ndim else backend.one_hot(targets, outputs)
