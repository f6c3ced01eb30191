"""The errors of numeric outputs, of columns of numbers and of arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from cnnkit.errors import DataError
from cnnkit.metrics.checks import Numbers, as_array, finite_scores, to_json_number


def mean_squared_error(outputs: ArrayLike, targets: ArrayLike) -> float:
    """Return the mean of (output - target)^2 over every image and every output, in float64.

    outputs, targets: of equal shapes (N, ...). Raises DataError on other shapes, no images or non-finite numbers.
    """
    return float(np.mean(np.square(_subtract(outputs, targets))))


def root_mean_squared_error(outputs: ArrayLike, targets: ArrayLike) -> float:
    """Return the square root of the mean squared error, in the units of the targets."""
    return float(np.sqrt(mean_squared_error(outputs, targets)))


def mean_absolute_error(outputs: ArrayLike, targets: ArrayLike) -> float:
    """Return the mean of |output - target| over every image and every output; arguments as mean_squared_error."""
    return float(np.mean(np.abs(_subtract(outputs, targets))))


def r2_score(outputs: ArrayLike, targets: ArrayLike) -> float:
    """Return 1 - sum (output - target)^2 / sum (target - mean)^2, the share of the variance that is explained.

    outputs, targets: (N,) or (N, F), of columns the mean over them. 1 is perfect, 0 as good as the mean. NaN where the
    targets of a column are all equal.
    """
    difference = _subtract(outputs, targets).reshape(len(as_array("targets", targets)), -1)
    wanted = np.asarray(targets, np.float64).reshape(difference.shape)
    spread = np.square(wanted - wanted.mean(axis=0)).sum(axis=0)
    ratio = np.full(len(spread), np.nan)
    np.divide(np.square(difference).sum(axis=0), spread, out=ratio, where=spread > 0)
    return float(np.mean(1 - ratio))


@dataclass(frozen=True)
class Errors:
    """Errors of one column, or over all: mean absolute, root mean squared, and R^2, NaN where undefined."""

    mae: float
    rmse: float
    r2: float

    def to_json(self) -> dict[str, float | None]:
        """Return {metric: value}, None for NaN."""
        return {name: to_json_number(value) for name, value in vars(self).items()}


@dataclass(frozen=True)
class RegressionReport:
    """The errors of numbers (N, F): over all columns, R^2 as the mean over them, and of each column.

    undefined: path in the JSON ("r2", "columns.0.r2") -> reason.
    """

    kind: ClassVar[str] = "numbers"

    images: int
    overall: Errors
    names: tuple[str, ...]
    columns: tuple[Errors, ...]
    undefined: dict[str, str]

    @property
    def figures(self) -> dict[str, float]:
        """The headline: {metric: value}."""
        return {"MAE": self.overall.mae, "RMSE": self.overall.rmse, "R2": self.overall.r2}

    @property
    def headings(self) -> tuple[str, ...]:
        """The headings of `rows`."""
        return ("column", "MAE", "RMSE", "R2")

    @property
    def rows(self) -> list[tuple[str, ...] | tuple[Any, ...]]:
        """A row for each column."""
        return [(name, *vars(errors).values()) for name, errors in zip(self.names, self.columns, strict=True)]

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values, None for NaN."""
        columns = zip(self.names, self.columns, strict=True)
        return {
            "images": self.images,
            "mse": self.overall.rmse**2,
            **self.overall.to_json(),
            "columns": [{"name": name, **errors.to_json()} for name, errors in columns],
            "undefined": dict(self.undefined),
        }


def regression_report(outputs: ArrayLike, targets: ArrayLike, names: Sequence[str] = ()) -> RegressionReport:
    """Return the errors of outputs (N, F) against targets (N, F); names of the columns, by default their numbers.

    Raises DataError on other shapes, no images or non-finite numbers.
    """
    wanted = finite_scores("targets", targets, (None, None))
    given = finite_scores("outputs", outputs, wanted.shape)
    labels = tuple(names) or tuple(map(str, range(wanted.shape[1])))
    columns = tuple(_measure(given[:, i], wanted[:, i]) for i in range(wanted.shape[1]))
    constant = [i for i, errors in enumerate(columns) if np.isnan(errors.r2)]
    undefined = {f"columns.{i}.r2": f"all targets of {labels[i]} are equal" for i in constant}
    if constant:
        undefined["r2"] = "; ".join(undefined.values())
    return RegressionReport(len(wanted), _measure(given, wanted), labels, columns, undefined)


def _measure(outputs: Numbers, targets: Numbers) -> Errors:
    return Errors(
        mean_absolute_error(outputs, targets), root_mean_squared_error(outputs, targets), r2_score(outputs, targets)
    )


def _subtract(outputs: ArrayLike, targets: ArrayLike) -> Numbers:
    given = as_array("targets", targets)
    wanted = finite_scores("targets", given, (None,) * max(given.ndim, 1))
    if wanted.size == 0:
        raise DataError("targets: expected at least one number, got none")
    return finite_scores("outputs", outputs, wanted.shape) - wanted
