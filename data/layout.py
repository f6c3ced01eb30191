"""The axes of samples in stored arrays, by letter, and how they become a network's: channels first."""

from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data.lazy_images import LazyImages
from cnnkit.data.pixels import Images
from cnnkit.data.refusal import refuse
from cnnkit.errors import DataError
from cnnkit.files.names import describe_value

# F features, C channels, L time, D H W depth, height, width: of one sample, as stored.
LAYOUTS = ("F", "L", "CL", "LC", "HW", "CHW", "HWC", "DHW", "CDHW", "DHWC")
_FIRST = {2: "CL", 3: "CHW", 4: "CDHW"}
_LAST = {2: "LC", 3: "HWC", 4: "DHWC"}
_WITHOUT = {1: "L", 2: "HW", 3: "DHW"}  # the channels of a single one


def require_layout(layout: Any) -> str:
    """Return the layout in capitals. Raises DataError for one that no sample has."""
    name = layout.upper() if isinstance(layout, str) else ""
    if name not in LAYOUTS:
        raise DataError(f"layout: expected one of {', '.join(LAYOUTS)}, got {describe_value(layout, 40)}")
    return name


def choose_layout(shape: tuple[int, ...], sample: tuple[int, ...] | None, where: str) -> str:
    """Return the layout of stored samples (N, ...), for a network whose input has the shape `sample`, None for any.

    The number of axes that the network takes decides between images and signals; sizes between channels first and last.

    Raises DataError where neither shape tells.
    """
    stored, axes, channels = shape[1:], len(sample or ()), sample[0] if sample else None
    if len(stored) == 1:
        return "L" if (axes, channels) == (2, 1) else "F"
    if len(stored) + 1 == axes and len(stored) in _WITHOUT:
        return _WITHOUT[len(stored)]
    if len(stored) == 2 and axes != 2:
        return "HW"
    few = {channels} if len(stored) == axes else {1, 3}
    if len(stored) in _FIRST and stored[0] in few:
        return _FIRST[len(stored)]
    if len(stored) in _LAST and stored[-1] in few:
        return _LAST[len(stored)]
    expected = "samples (F,), (H, W), (C, H, W), (H, W, C) or (C, D, H, W) with C 1 or 3"
    if len(stored) == axes:
        expected = f"samples with {channels} channels, first or last, as the network takes them"
    raise refuse(where, expected, f"shape {shape}", "name the axes of a sample: --layout CHW, HWC, CL, LC, ...")


def arrange_axes(images: Images, layout: str, where: str) -> Images:
    """Return stored samples (N, ...) as a network takes them, channels first: a view, or a lazy reader.

    Raises DataError on samples with another number of axes than the layout.
    """
    if len(images.shape) != len(layout) + 1:
        expected = f"samples of {len(layout)} axes, as layout {layout} says"
        raise refuse(where, expected, f"shape {tuple(images.shape)}", "choose another --layout")
    if layout == "F" or layout[0] == "C":
        return images
    if isinstance(images, LazyImages):
        return ChannelsFirst(images, layout)
    return _move_channels(np.asarray(images), layout)


class ChannelsFirst(LazyImages):
    """Lazy samples that are stored with channels last, or without an axis for their single one."""

    def __init__(self, stored: LazyImages, layout: str) -> None:
        empty = np.broadcast_to(np.zeros((), bool), (1, *stored.shape[1:]))
        super().__init__((stored.shape[0], *_move_channels(empty, layout).shape[1:]), stored.dtype)
        self.stored, self.layout = stored, layout

    def read(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Return the samples at `indices` with the channels in front."""
        return _move_channels(self.stored.read(indices), self.layout)


def _move_channels(samples: npt.NDArray[Any], layout: str) -> npt.NDArray[Any]:
    return np.moveaxis(samples, -1, 1) if layout[-1] == "C" else samples[:, None]
