"""The settings of a training, checked when they are made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, TypedDict

from cnnkit import losses, optimizers, schedules
from cnnkit.class_weights import ClassWeights, parse_class_weights
from cnnkit.data.augmentation import Augmentation
from cnnkit.errors import ConfigError
from cnnkit.files.names import describe_value, printable
from cnnkit.losses import Loss
from cnnkit.optimizers import Optimizer
from cnnkit.schedules import Schedule
from cnnkit.values import LARGEST_COUNT, SEED_BITS, is_finite

# {pattern: factor}, (pattern, factor) one after the other, or texts "PATTERN=FACTOR"; Options keeps pairs.
LayerRates = Mapping[str, float] | Sequence[Any]


@dataclass(frozen=True)
class Options:
    """How to train.

    optimizer, schedule, loss  NAME or NAME:key=value,..., or an object
    learning_rate      the base rate, which the schedule multiplies
    learning_rates     {pattern of layers and tensors: what multiplies the rate there}; the last that matches decides
    loss, seed         become the model's when a training is made
    limit              train on the first N images only
    validation_split   share of the training images kept out to validate each epoch, chosen by the seed
    accumulate         batches whose gradients are added up for one update, which sees batch_size * accumulate samples
    leaf               add up gradients over this many samples at a time, a divisor of batch_size: updates of as many
                       samples with the same leaf have the same bits, whatever batch_size and accumulate
    ema                share of the moving average of the weights that each update keeps; the result has the average
    swa                share of the epochs after which the weights that epochs end with are averaged (stochastic weight
                       averaging); the result has the average
    keep_every         updates between two links of a chain of hashes (`cnnkit.training.hash_chain`), by which
                       `cnnkit verify` finds the first step that differs
    patience           stop after this many epochs without a smaller validation loss
    freeze             patterns (cnn.*, *.bias) of layers and tensors that are not trained; a BatchNorm in which
                       nothing is trained uses its running statistics as they are
    class_weights      by which classes count in the loss of training: "balanced", or {class name: weight}, 1 by default
    augment            random changes of the training samples, such as "flip,crop:4,rotate:10"; "none" for none
    workers            processes that read and change samples ahead; 0: none but this one. The bits are the same, so
                       `to_json` leaves it out
    shuffle            use a new order in each epoch, which depends on seed and epoch only

    With validation images, the result has the weights of the epoch with the smallest validation loss.

    Raises ConfigError on a value out of range.
    """

    epochs: int = 10
    batch_size: int = 32
    optimizer: str | Optimizer = "adam"
    learning_rate: float = 0.001
    schedule: str | Schedule = "constant"
    loss: str | Loss = "softmax_cross_entropy"
    seed: int = 0
    shuffle: bool = True
    validation_split: float = 0.0
    patience: int | None = None
    limit: int | None = None
    freeze: Sequence[str] = ()
    learning_rates: LayerRates = ()
    class_weights: ClassWeights = None
    augment: str | None = None
    workers: int = 0
    accumulate: int = 1
    leaf: int | None = None
    ema: float | None = None
    swa: float | None = None
    keep_every: int | None = None

    def __post_init__(self) -> None:
        for name, kind, expected in _KINDS:
            value = getattr(self, name)
            good = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
            _require(good or (value is None and name in _MAY_BE_NONE), name, expected, value)
            if value is not None and kind is not bool:  # NumPy's numbers cannot be written as JSON
                object.__setattr__(self, name, _plain_number(name, value, kind))
        object.__setattr__(self, "freeze", _require_patterns(self.freeze))
        object.__setattr__(self, "learning_rates", _require_rates(self.learning_rates))
        object.__setattr__(self, "class_weights", parse_class_weights(self.class_weights))
        object.__setattr__(self, "augment", _require_augment(self.augment))
        _require(0 <= self.workers <= _MOST_WORKERS, "workers", f"in 0..{_MOST_WORKERS}", self.workers)
        optimizers.parse(self.optimizer)
        schedules.parse(self.schedule)
        losses.parse(self.loss)
        for name in ("epochs", "batch_size", "patience", "limit", "accumulate", "leaf", "keep_every"):
            value = getattr(self, name)
            _require(value is None or value >= 1, name, ">= 1", value)
            _require(value is None or value <= LARGEST_COUNT, name, "<= 2**63 - 1", value)
        _require(0 < self.learning_rate < float("inf"), "learning_rate", "> 0", self.learning_rate)
        _require(0 <= self.validation_split < 1, "validation_split", "in [0, 1)", self.validation_split)
        _require(self.seed >= 0, "seed", ">= 0", self.seed)
        _require(self.seed.bit_length() <= SEED_BITS, "seed", f"< 2**{SEED_BITS}", self.seed)
        _require(
            self.patience is None or self.validation_split > 0,
            "validation_split",
            "above 0 when patience is given",
            self.validation_split,
        )

        _require(self.update_size <= LARGEST_COUNT, "accumulate", "an update of <= 2**63 - 1 samples", self.accumulate)
        if self.leaf is not None:
            expected = f"a divisor of the batch size, {self.batch_size}"
            _require(self.batch_size % self.leaf == 0, "leaf", expected, self.leaf)
        _require(self.ema is None or 0 < self.ema < 1, "ema", "above 0 and below 1", self.ema)
        _require(self.swa is None or 0 <= self.swa < 1, "swa", "in [0, 1)", self.swa)
        if self.ema is not None and self.swa is not None:
            raise ConfigError("expected ema or swa, got both: leave one out")

    @property
    def update_size(self) -> int:
        """How many samples one update sees."""
        return self.batch_size * self.accumulate

    @property
    def piece_size(self) -> int:
        """How many samples are computed at a time."""
        return self.batch_size if self.leaf is None else self.leaf

    @property
    def rate_factors(self) -> tuple[tuple[str, float], ...]:
        """`learning_rates` as pairs (pattern, factor)."""
        return _require_rates(self.learning_rates)

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON-ready data; objects become the texts that name them."""
        modules = ("optimizer", optimizers), ("schedule", schedules), ("loss", losses)
        texts = {
            name: value if isinstance(value := getattr(self, name), str) else module.render(value)
            for name, module in modules
        }
        rates = [list(pair) for pair in self.rate_factors]
        told = vars(self) | texts | {"freeze": list(self.freeze), "learning_rates": rates}
        return {name: value for name, value in told.items() if name != "workers"}


class OptionFields(TypedDict, total=False):
    """The fields of Options as keyword arguments; type checkers and editors read them from here."""

    epochs: int
    batch_size: int
    optimizer: str | Optimizer
    learning_rate: float
    schedule: str | Schedule
    loss: str | Loss
    seed: int
    shuffle: bool
    validation_split: float
    patience: int | None
    limit: int | None
    freeze: Sequence[str]
    learning_rates: LayerRates
    class_weights: ClassWeights
    augment: str | None
    workers: int
    accumulate: int
    leaf: int | None
    ema: float | None
    swa: float | None
    keep_every: int | None


_PAIRS = "factors by patterns of the names of layers or tensors, such as 'features.*=0.1'"
_MOST_WORKERS, _AUGMENT = 64, "flip,crop:4,rotate:10"
_MOST_PATTERNS, _LONGEST_PATTERN = 1000, 1000
_WHOLE = ("epochs", "batch_size", "seed", "patience", "limit", "accumulate", "leaf", "workers", "keep_every")
_MAY_BE_NONE = ("patience", "limit", "leaf", "ema", "swa", "keep_every")
_KINDS: tuple[tuple[str, type, str], ...] = (
    *((name, Integral, "a whole number") for name in _WHOLE),
    *((name, Real, "a number") for name in ("learning_rate", "validation_split", "ema", "swa")),
    ("shuffle", bool, "true or false"),
)


def _require(good: bool, name: str, expected: str, got: object) -> None:
    if not good:
        raise ConfigError(f"{name}: expected {expected}, got {describe_value(got)}")


def _require_augment(value: Any) -> str | None:
    """Return the text of an augmentation as `render` writes it; None for none."""
    _require(value is None or isinstance(value, str), "augment", f"a text such as {_AUGMENT}", value)
    return None if value is None or value.strip() == "none" else str(Augmentation.parse(value))


def _require_patterns(value: Any, name: str = "freeze") -> tuple[str, ...]:
    patterns = (value,) if isinstance(value, str) else value
    good = isinstance(patterns, list | tuple) and len(patterns) <= _MOST_PATTERNS
    good = good and all(isinstance(pattern, str) and 0 < len(pattern) <= _LONGEST_PATTERN for pattern in patterns)
    _require(good, name, "patterns of the names of layers or tensors", value)
    return tuple(patterns)


def _require_rates(value: Any) -> tuple[tuple[str, float], ...]:
    """Return the pairs (pattern, factor)."""
    given = list(value.items()) if isinstance(value, Mapping) else [value] if isinstance(value, str) else value
    _require(isinstance(given, list | tuple), "learning_rates", _PAIRS, value)
    pairs = [tuple(pair.rsplit("=", 1)) if isinstance(pair, str) else pair for pair in given]
    for pair, source in zip(pairs, given, strict=True):
        _require(isinstance(pair, list | tuple) and len(pair) == 2, "learning_rates", _PAIRS, source)
    _require_patterns([pattern for pattern, _ in pairs], "learning_rates")
    return tuple((pattern, _require_factor(pattern, factor)) for pattern, factor in pairs)


def _require_factor(pattern: str, value: Any) -> float:
    try:
        factor = float(value) if isinstance(value, str) else value
    except ValueError:
        factor = value
    expected = f"a finite factor above 0 for {printable(pattern, 60)!r} (--freeze leaves a layer as it is)"
    _require(is_finite(factor) and factor > 0, "learning_rates", expected, value)
    return float(factor)


def _plain_number(name: str, value: Any, kind: type) -> int | float:
    try:
        return int(value) if kind is Integral else float(value)
    except OverflowError:  # a whole number above 1.8e308
        raise ConfigError(f"{name}: expected a number below 1.8e308, got {describe_value(value)}") from None
