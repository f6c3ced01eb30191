"""Cases of Dense, both dropouts and the combinators: type -> [(layer, shape of a sample)]."""

from cnnkit import layers
from cnnkit.parity.layers.samples import IMAGES, ROW, SEQUENCE, LayerCases

COMBINING: LayerCases = {
    "Dense": [
        (layers.Dense(5), ROW), (layers.Dense(5, bias=False), ROW), (layers.Dense(3, axis=-1), IMAGES),
        (layers.Dense(3, bias=False, axis=-1), SEQUENCE),
    ],
    "Dropout": [(layers.Dropout(0.4), IMAGES), (layers.Dropout(0.5), ROW)],
    "SpatialDropout": [
        (layers.SpatialDropout(0.4), IMAGES), (layers.SpatialDropout(0.5), ROW), (layers.SpatialDropout(), SEQUENCE),
    ],
    "Sequential": [
        (layers.Sequential((layers.Conv2D(3, 3), layers.ReLU(), layers.Flatten(), layers.Dense(2))), IMAGES),
        (layers.Sequential((layers.Conv2D(2, 3), layers.Dropout(0.3), layers.MaxPool2D(2))), (1, 28, 28)),
        (layers.Sequential((
            layers.Conv2D(4, 3), layers.GroupNorm(2), layers.PReLU(), layers.SpatialDropout(0.3),
            layers.Dense(3, axis=-1), layers.ReLU(),
        )), (1, 28, 28)),
    ],
    "Residual": [
        (layers.Residual(layers.Sequential((
            layers.Conv2D(4, 3, padding=1, bias=False), layers.BatchNorm(), layers.Tanh(), layers.Dropout(0.3),
        ))), IMAGES),
        (layers.Residual(layers.Dense(3), shortcut=layers.Sequential((layers.Dense(3), layers.Sigmoid()))), ROW),
    ],
    "Branches": [
        (layers.Branches((layers.Conv2D(2, 3, padding=1), layers.MaxPool2D(3, 1, 1), layers.Dropout(0.5))), IMAGES),
        (layers.Branches((layers.Dense(3), layers.Sequential((layers.Dense(3), layers.BatchNorm()))), join="add"), ROW),
    ],
}  # fmt: skip
