"""The memory that a network's passes need at least, counted in whole numbers before anything is computed."""

from collections.abc import Iterator
from dataclasses import dataclass

from cnnkit.architecture import PlacedLayer, walk_layers
from cnnkit.backends.protocol import Backend
from cnnkit.errors import ConfigError
from cnnkit.layers.base import Layer, Shapes, count_values, list_shapes
from cnnkit.layers.graph import Graph
from cnnkit.layers.linear_layer import LinearLayer
from cnnkit.layers.sequential import Sequential
from cnnkit.memory import describe_bytes, find_memory


@dataclass(frozen=True)
class PassBudget:
    """A kind of pass through a network; what is counted is certainly held at one time, so what is refused cannot run.

    x_shape     of one sample
    itemsize    bytes of a value between layers; parameter_itemsize: of a parameter, where that is another number
    parameters  values that are held whatever the batch: parameters, gradients, an optimizer's slots
    training    whether each linear layer's x is held too, until its gradient is computed
    leaves      how many passes wait for each other, each of which holds that

    Of the memory of a GPU nothing is known here: what exceeds it is told when it runs out.
    """

    backend: Backend
    network: Layer
    x_shape: Shapes
    itemsize: int
    parameters: int = 0
    training: bool = False
    parameter_itemsize: int | None = None
    leaves: int = 1

    def require_room(self, images: int) -> None:
        """Raise ConfigError where a pass over `images` samples needs more memory than there is."""
        fitting = self.find_largest(images)
        if fitting == images:
            return
        what = "training step" if self.training else "forward pass"
        number = "1 image" if images == 1 else f"{images:,} images"
        needed = f"a {what} with {number} needs at least {describe_bytes(self.count_bytes(images))}"
        hint = f"try --batch-size {fitting}" if fitting else self._describe_largest()
        raise ConfigError(f"{needed}, {find_memory().describe()}: {hint}")

    def find_largest(self, images: int) -> int:
        """Return the largest of images, images/2, images/4, ... samples that fit into memory; 0 where not even one."""
        if self.backend.device != "cpu":
            return images
        size = find_memory().size
        while images and self.count_bytes(images) > size:
            images //= 2
        return images

    def count_bytes(self, images: int) -> int:
        """Return the bytes held at one time: parameters, x of linear layers, and the largest output.

        Of an output only those samples count that the backend works on at a time.
        """
        outputs = (count_values(y) * self._count_at_a_time(images, x) for _, _, x, y in self._list_leaves())
        largest = max(outputs, default=0)
        held = self.leaves * images * _count_held(self.network, self.x_shape) if self.training else 0
        return self.parameters * (self.parameter_itemsize or self.itemsize) + self.itemsize * (held + largest)

    def _count_at_a_time(self, images: int, x_shape: Shapes) -> int:
        shapes = [shape for shape in list_shapes(x_shape) if len(shape) > 1]
        return min([images, *(int(self.backend.shard_size((images, *shape))) for shape in shapes)])

    def _describe_largest(self) -> str:
        path, layer, _, y = max(self._list_leaves(), key=lambda leaf: count_values(leaf.output_shape))
        where = f"layer {path} ({layer.type})"
        return f"use a smaller network, the largest output is that of {where}, {y} for each image"

    def _list_leaves(self) -> Iterator[PlacedLayer]:
        """Yield the layers that hold no others."""
        for place in walk_layers(self.network, self.x_shape):
            if not any(True for _ in place.layer.children(place.input_shape)):
                yield place


def _count_held(layer: Layer, x_shape: Shapes) -> int:
    """Return how many values of a sample wait for a gradient; layers beside each other share their x."""
    if isinstance(layer, LinearLayer):
        return count_values(x_shape)
    inner = [_count_held(child, shape) for _, child, shape in layer.children(x_shape)]
    return sum(inner) if isinstance(layer, Sequential | Graph) else max(inner, default=0)
