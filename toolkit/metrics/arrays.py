"""How near arrays come to the arrays that are wanted, such as images."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from cnnkit.metrics.checks import finite_scores, require_positive, to_json_number
from cnnkit.metrics.regression import mean_squared_error


def peak_signal_to_noise_ratio(outputs: ArrayLike, targets: ArrayLike, peak: float = 1.0) -> float:
    """Return 10 log10(peak^2 / mean squared error) in dB, infinity where nothing differs.

    outputs, targets: of one shape, of one image or several; peak: the largest value less the smallest that a target
    can have.
    """
    return _to_decibels(mean_squared_error(outputs, targets), require_positive("peak", peak))


@dataclass(frozen=True)
class ArrayReport:
    """Errors of arrays: the mean absolute and root mean squared error over all values, and the mean PSNR.

    psnr: the mean over samples, in dB, each with `peak`, the largest target less the smallest; infinity where a sample
    is met exactly, NaN where all targets are equal.
    """

    kind: ClassVar[str] = "values"

    images: int
    mae: float
    rmse: float
    psnr: float
    peak: float

    @property
    def figures(self) -> dict[str, float]:
        """The headline: {metric: value}."""
        return {"MAE": self.mae, "RMSE": self.rmse, "PSNR (dB)": self.psnr}

    headings: ClassVar[tuple[str, ...]] = ()
    rows: ClassVar[list[tuple[Any, ...]]] = []

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values, None for NaN and infinity."""
        psnr = to_json_number(self.psnr) if np.isfinite(self.psnr) else None
        reason = "all targets are equal" if np.isnan(self.psnr) else "a sample is met exactly"
        return {
            "images": self.images, "mse": self.rmse**2, "mae": self.mae, "rmse": self.rmse, "psnr": psnr,
            "peak": self.peak, "undefined": {} if psnr is not None else {"psnr": reason},
        }  # fmt: skip


class ArrayErrors:
    """Adds up the errors of batches, so that no array is kept."""

    def __init__(self) -> None:
        self._squares: list[float] = []
        self._absolutes: list[float] = []
        self._lowest, self._highest = np.inf, -np.inf

    def add(self, outputs: ArrayLike, targets: ArrayLike) -> None:
        """Add a batch (n, ...). Raises DataError on other shapes and non-finite numbers."""
        wanted = np.asarray(targets)
        numbers = finite_scores("targets", wanted, (None,) * wanted.ndim)
        difference = (finite_scores("outputs", outputs, wanted.shape) - numbers).reshape(len(numbers), -1)
        self._squares += np.square(difference).mean(axis=1).tolist()
        self._absolutes += np.abs(difference).mean(axis=1).tolist()
        self._lowest, self._highest = min(self._lowest, numbers.min()), max(self._highest, numbers.max())

    def report(self) -> ArrayReport:
        """Return the errors so far."""
        peak = float(self._highest - self._lowest)
        ratios = [_to_decibels(square, peak) for square in self._squares]
        psnr = float(np.mean(ratios)) if peak > 0 else float("nan")
        rmse = float(np.sqrt(np.mean(self._squares)))
        return ArrayReport(len(self._squares), float(np.mean(self._absolutes)), rmse, psnr, peak)


def _to_decibels(square: float, peak: float) -> float:
    if square == 0 or peak <= 0:
        return float("inf")
    return float(20 * np.log10(peak) - 10 * np.log10(square))
