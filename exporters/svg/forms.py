"""Which form shows a tensor best: blocks of maps, or (None) a matrix or a strip."""

import math

from cnnkit.exporters.svg.matrix import cell_size
from cnnkit.exporters.svg.network import Shape
from cnnkit.exporters.svg.plans import Form
from cnnkit.exporters.svg.scale import ScaledTensor

_MOST_UNITS = 2000
_NOUNS = {"o": "kernel", "out": "neuron", "i": "input"}


def form_of(values: ScaledTensor, seen: Shape | None) -> Form | None:
    """Return how a tensor falls into blocks of maps. seen: the image (C, H, W) that a flat row stands for."""
    shape = values.tensor.shape
    if not values.tensor.parameters:
        return None
    if values.tensor.kind == "activation":
        image = seen if seen is not None and shape == (math.prod(seen),) else shape
        return Form(1, image[0], image[1] * image[2], image[2], "output") if len(image) == 3 else None
    form = None
    if len(shape) == 2:
        form = _rows(values, seen)
    elif len(shape) > 2:
        noun = _NOUNS.get(values.tensor.axes[0], "block")
        form = Form(shape[0], math.prod(shape[1:-2]), shape[-2] * shape[-1], shape[-1], noun)
    return form if form is not None and max(form.units, form.maps) <= _MOST_UNITS else None


def _rows(values: ScaledTensor, seen: Shape | None) -> Form | None:
    """Return the form of a matrix whose rows are images, or are too long to be drawn as rows."""
    outputs, inputs = values.tensor.shape
    noun = _NOUNS.get(values.tensor.axes[0], "row")
    if seen is not None and inputs == math.prod(seen):
        return Form(outputs, seen[0], seen[1] * seen[2], seen[2], noun)
    if cell_size(values) or outputs > inputs:
        return None
    return Form(outputs, 1, inputs, math.ceil(math.sqrt(inputs)), noun)


def explained(values: ScaledTensor, form: Form | None) -> str:
    """Return a note on how to read the blocks, or nothing."""
    tensor = values.tensor
    if tensor.kind == "activation":
        return "one sample" if tensor.name == "input" else "what comes out of the layer for one sample"
    if form is None:
        return ""
    if len(tensor.shape) == 2 and form.maps > 1:
        size = f"{form.size // form.columns}×{form.columns}"
        return f"each neuron's weights folded to the {form.maps} maps of {size} it sees"
    if len(tensor.shape) == 2:
        return f"each row of {form.size:,} folded to lines of {form.columns}"
    if form.maps > 1 and tensor.axes[:2] == ("o", "i"):
        return f"each kernel: its {form.maps} input channels, in order"
    return ""
