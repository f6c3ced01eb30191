"""What the parts of the picture share: the canvas, where the next thing goes, who may have titles."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.exporters.svg.canvas import Canvas, Element
from cnnkit.exporters.svg.numbers import Floats, digits, floats
from cnnkit.exporters.svg.scale import Scale, scale_of


@dataclass
class Sheet:
    """Elements so far, and `y`, down to where the page is full."""

    canvas: Canvas
    y: float = 24
    elements: list[Element] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)

    def add(self, *elements: Element) -> None:
        """Put elements on the page."""
        self.elements.extend(elements)


class Values:
    """A tensor read once for drawing: values, levels, exact digits, its scale, whether its cells have titles.

    name is what the picture calls it: what comes out of a layer for a sample is its "output".
    """

    def __init__(self, tensor: Tensor, titled: bool) -> None:
        array = tensor.read().reshape(-1)
        self.tensor, self.titled = tensor, titled
        self.name = tensor.name
        if tensor.kind == "activation":
            self.name = "input" if tensor.name == "input" else "output"
        self.flat: Floats = floats(array, tensor.dtype)
        self.scale: Scale = scale_of(self.flat)
        self.levels = self.scale.levels(self.flat)
        self.digits: Sequence[str] = digits(array, tensor.dtype) if titled else ()
