"""Label smoothing: a share of each target is spread evenly over what it could have been."""

from dataclasses import dataclass

from cnnkit.backends.protocol import Array
from cnnkit.errors import ConfigError
from cnnkit.losses.fitting import name_loss
from cnnkit.losses.mean import MeanLoss


@dataclass(frozen=True)
class SmoothedLoss(MeanLoss):
    """Base of losses of classes or tags.

    label_smoothing: this share of each target is spread evenly over all classes, of a tag over yes and no. In [0, 1).
    Szegedy et al. 2016.
    """

    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1:
            raise ConfigError(f"{name_loss(self)}: expected label_smoothing in [0, 1), got {self.label_smoothing}")

    def smooth(self, wanted: Array, choices: int) -> Array:
        """Return wanted * (1 - s) + s / choices."""
        share = self.label_smoothing
        return wanted * (1 - share) + share / choices if share else wanted
