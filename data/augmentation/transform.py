"""What a transform is: a frozen value that changes samples by random numbers, and says which samples it can change."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cnnkit.data.augmentation.affine import AffineMap
from cnnkit.data.augmentation.draws import Draws, Floats
from cnnkit.data.augmentation.samples import RawSamples
from cnnkit.errors import ConfigError
from cnnkit.files.names import describe_value
from cnnkit.values import is_finite

Shape = tuple[int, ...]


class SampleTransform(ABC):
    """A change of samples. Fields are its strength, and `share`: the share of the samples that are changed.

    name  as in the text form
    """

    name: ClassVar[str]
    share: float

    def __post_init__(self) -> None:
        self._require("share", 0, 1)

    def check(self, sample_shape: Shape, kinds: tuple[str, ...]) -> None:  # noqa: B027 (most change all samples)
        """Raise ConfigError for samples of a shape, or kinds of targets, that cannot be changed.

        sample_shape: (C, *S) of the pixels; a row of F numbers has (1, F).
        """

    def _require(self, field: str, low: float, high: float) -> None:
        """Raise ConfigError unless a field is a number in [low, high]."""
        value: Any = getattr(self, field)
        if not is_finite(value) or not low <= value <= high:
            bound = f"in {low:g}..{high:g}" if high < 1e6 else f">= {low:g}"
            raise ConfigError(f"augment {self.name}: expected {field} {bound}, got {describe_value(value)}")

    def _refuse(self, expected: str, got: str, hint: str = "") -> ConfigError:
        return ConfigError(f"augment {self.name}: expected {expected}, got {got}{': ' + hint if hint else ''}")

    def _applied(self, u: Floats) -> npt.NDArray[np.bool_]:
        """Return which samples are changed, by a draw (n,) of each."""
        applied: npt.NDArray[np.bool_] = u < self.share
        return applied


class Geometric(SampleTransform):
    """A transform that moves pixels: neighbours in a list become one map, so that pixels are interpolated once.

    whole: whether pixels move to pixels, so that nothing is interpolated, for any number of axes
    """

    whole: ClassVar[bool] = False

    @abstractmethod
    def places(self, draws: Draws, sizes: Shape) -> AffineMap:
        """Return the maps of the samples, from places of the result to those of the source; sizes: *S."""

    def check(self, sample_shape: Shape, kinds: tuple[str, ...]) -> None:
        if not self.whole and len(sample_shape) != 3:
            raise self._refuse("images (C, H, W)", f"samples of shape {sample_shape}")


class Pointwise(SampleTransform):
    """A transform of pixels where they are.

    spoils: whether it takes something away that the samples' own targets (kind "input") still have
    """

    spoils: ClassVar[bool] = False

    @abstractmethod
    def change(self, pixels: Any, draws: Draws, white: float) -> Any:
        """Return changed pixels (n, C, *S) of the same type; white: the raw value of full brightness."""


class Mixing(SampleTransform):
    """A transform of two samples into one."""

    @abstractmethod
    def mix(self, samples: RawSamples, partners: RawSamples, draws: Draws) -> RawSamples:
        """Return samples that are mixed of these and their partners, pair by pair."""


@dataclass(frozen=True)
class Border(SampleTransform):
    """What lies outside the pixels that geometric transforms move, in the whole list: it changes nothing by itself.

    value: a raw value, before scaling (0 is black), or "edge": the nearest pixel of the edge
    """

    name: ClassVar[str] = "border"
    value: str = "0"
    share: float = field(default=1.0, init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.value != "edge":
            try:
                good = is_finite(float(self.value))
            except ValueError:
                good = False
            if not good:
                raise self._refuse("a raw value, or edge", describe_value(self.value))

    @property
    def raw(self) -> float | None:
        """The raw value; None for the edge."""
        return None if self.value == "edge" else float(self.value)
