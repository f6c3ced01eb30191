"""From raw pixels to a network's input: one shift and factor for all, or one of each channel; the order of channels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from cnnkit.errors import ConfigError, DataError
from cnnkit.files.names import describe_value, printable
from cnnkit.values import is_finite

Numbers = float | tuple[float, ...]
RGB, BGR = "rgb", "bgr"
_MOST = 4096  # channels


@dataclass(frozen=True)
class Scaling:
    """Network input = (raw - offset) * factor; both are a number, or one number per channel of the network's input.

    channels: the order in which the network takes the three channels of a picture, which readers give as red, green,
    blue: "rgb", or "bgr", then the pixels are reordered before they are scaled.
    """

    offset: Numbers = 0.0
    factor: Numbers = 1.0
    channels: str = RGB

    def __post_init__(self) -> None:
        for name in ("offset", "factor"):
            value: Any = getattr(self, name)
            if isinstance(value, list | tuple):
                if not 1 <= len(value) <= _MOST or not all(map(is_finite, value)):
                    expected = f"{name} as a finite number, or one per channel"
                    raise DataError(f"scaling: expected {expected}, got {describe_value(value, 40)}")
                object.__setattr__(self, name, tuple(value))
            elif not is_finite(value):
                raise DataError(f"scaling: expected {name} as a finite number, got {describe_value(value, 40)}")
        if self.channels not in (RGB, BGR):
            raise DataError(f"scaling: expected channels rgb or bgr, got {describe_value(self.channels, 40)}")

    def apply(self, raw: npt.NDArray[Any], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Return (raw - offset) * factor for images (N, C, H, W) or one (C, H, W), C-contiguous in `dtype`, as new.

        Raises DataError where the images have another number of channels than the scaling.
        """
        self._require_channels(raw.shape)
        ordered = raw[..., ::-1, :, :] if self.channels == BGR else raw
        with np.errstate(over="ignore", invalid="ignore"):  # a scaling beyond the range of the type: see the scores
            x = np.array(ordered, dtype, order="C")
            if self.offset != 0:
                x -= _spread(self.offset, x.dtype)
            if self.factor != 1:
                x *= _spread(self.factor, x.dtype)
        return x

    def _require_channels(self, shape: tuple[int, ...]) -> None:
        counts = {len(numbers) for numbers in (self.offset, self.factor) if isinstance(numbers, tuple)}
        counts |= {3} if self.channels == BGR else set()
        channels = shape[-3] if len(shape) >= 3 else 0
        for count in counts - {channels}:
            raise DataError(
                f"scaling: is of {count} channels, expected images (N, {count}, H, W), got shape {tuple(shape)}: "
                "choose another --scaling"
            )

    @property
    def white(self) -> float:
        """The raw value of full brightness: what becomes 1; with an offset, 255, or 1 where pixels are in [0, 1]."""
        offsets = self.offset if isinstance(self.offset, tuple) else (self.offset,)
        if any(offsets):
            return 255.0 if max(map(abs, offsets)) > 1 else 1.0
        if isinstance(self.factor, tuple):
            return 255.0 if max(map(abs, self.factor)) < 1 / 16 else 1.0
        return 1 / self.factor if self.factor else 1.0

    @property
    def extremes(self) -> tuple[float, float]:
        """The network's input for the raw values 0 and `white`: means of the channels."""
        offset, factor = np.asarray(self.offset, np.float64), np.asarray(self.factor, np.float64)
        return float(np.mean(-offset * factor)), float(np.mean((self.white - offset) * factor))

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a weight file's metadata keeps them: channels only where they are not rgb."""
        fields = {"offset": _plain(self.offset), "factor": _plain(self.factor)}
        return fields if self.channels == RGB else fields | {"channels": self.channels}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return the scaling of a weight file's metadata. Raises DataError for one that cannot be."""
        if not isinstance(stored, Mapping) or not {"offset", "factor"} <= stored.keys() <= set(vars(cls())):
            raise DataError(f"scaling: expected offset and factor, got {describe_value(stored, 60)}")
        return cls(**stored)

    def __str__(self) -> str:
        order = ", channels blue, green, red" if self.channels == BGR else ""
        return f"(raw - {_write(self.offset)}) * {_write(self.factor)}{order}"


def _spread(numbers: Numbers, dtype: np.dtype[Any]) -> Any:
    """Return a number, or numbers (C, 1, 1), in the type of the pixels."""
    return np.asarray(numbers, dtype).reshape(-1, 1, 1) if isinstance(numbers, tuple) else dtype.type(numbers)


def _plain(numbers: Numbers) -> Any:
    return list(numbers) if isinstance(numbers, tuple) else numbers


def _write(numbers: Numbers) -> str:
    return f"({', '.join(f'{n:.6g}' for n in numbers)})" if isinstance(numbers, tuple) else f"{numbers:.6g}"


_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's pixels in [0, 1]
# As pixels 0..255 are prepared for published networks: torchvision's weights (docs.pytorch.org/vision, "transforms"),
# and the modes torch, tf and caffe of keras.applications.imagenet_utils.preprocess_input.
SCALINGS: Mapping[str, Scaling] = {
    "imagenet": Scaling(tuple(255 * mean for mean in _MEAN), tuple(1 / (255 * deviation) for deviation in _DEVIATION)),
    "mnist": Scaling(255 * 0.1307, 1 / (255 * 0.3081)),  # PyTorch's example: github.com/pytorch/examples, mnist
    "0-1": Scaling(0.0, 1 / 255),
    "tf": Scaling(127.5, 1 / 127.5),
    "caffe": Scaling((103.939, 116.779, 123.68), 1.0, BGR),
    "none": Scaling(),
}


def parse_scaling(name: str) -> Scaling:
    """Return the scaling of that name. Raises ConfigError that lists the names."""
    if name not in SCALINGS:
        raise ConfigError(f"--scaling: expected one of {', '.join(SCALINGS)}, got {printable(name, 60)!r}")
    return SCALINGS[name]
