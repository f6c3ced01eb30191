"""The dense layers after a Flatten, and the order in which each file stores their inputs."""

from dataclasses import replace

from cnnkit.exporters.core.flattened_images import find_flattened_images
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.inspection.layouts import Transform, is_channels_last, normalise_axes


class Flattening:
    """Two files that may flatten images in different orders.

    The order of a file is H, W, C when its convolution kernels end with channels, or when Keras wrote it.
    Channels and pixels come from the architecture of either file, or else from the preceding convolution.
    """

    def __init__(self, a: WeightFile, b: WeightFile) -> None:
        self._maps = (find_flattened_images(a.architecture), find_flattened_images(b.architecture))
        self._before = _find_channels_before(a) | _find_channels_before(b)
        self._last = (_keeps_channels_last(a), _keeps_channels_last(b))

    def reorder_inputs(self, transform: Transform, a: Tensor, b: Tensor) -> Transform:
        """Return `transform`, of `b` into the layout of `a`, with the inputs reordered where the files differ."""
        axes = normalise_axes(a) or normalise_axes(b)
        if self._last[0] == self._last[1] or len(a.shape) != 2 or a.role not in ("weight", "other") or "in" not in axes:
            return transform
        place = axes.index("in")
        channels = self._channels(a, b, a.shape[place])
        if channels is None or channels in (1, a.shape[place]):
            return transform
        flip = self._last[1]
        what = "H,W,C->C,H,W" if flip else "C,H,W->H,W,C"
        name = f"{transform.name}, {what}" if transform.name else what
        image = channels, a.shape[place] // channels
        return replace(transform, image=image, input_axis=place, flip=flip, name=name)

    def _channels(self, a: Tensor, b: Tensor, inputs: int) -> int | None:
        for maps, tensor in zip(self._maps, (a, b), strict=True):
            if tensor.layer in maps:
                return maps[tensor.layer][0]
        if any(self._maps):  # an architecture that has no Flatten before this layer
            return None
        channels = self._before.get(id(a)) or self._before.get(id(b))
        return channels if channels and inputs % channels == 0 else None


def _keeps_channels_last(file: WeightFile) -> bool:
    known = [last for tensor in file if (last := is_channels_last(tensor)) is not None]
    return known[0] if known else file.format == "keras"


def _find_channels_before(file: WeightFile) -> dict[int, int]:
    """Return {id of the first dense weight after a convolution: channels of that convolution}."""
    before, channels = dict[int, int](), None
    for tensor in file:
        if tensor.role != "weight" or tensor.kind != "parameter":
            continue
        axes = normalise_axes(tensor)
        if len(tensor.shape) > 2 and "out" in axes:
            channels = tensor.shape[axes.index("out")]
        elif len(tensor.shape) == 2 and channels is not None:
            before[id(tensor)] = channels
            channels = None
    return before
