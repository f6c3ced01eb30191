"""Cases of convolution and pooling: type -> [(layer, shape of a sample)]."""

from cnnkit import layers
from cnnkit.parity.layers.samples import IMAGES, LayerCases

WINDOWS: LayerCases = {
    "Conv2D": [
        (layers.Conv2D(4, 3), IMAGES),
        (layers.Conv2D(6, (2, 3), stride=(2, 1), padding="same", dilation=(1, 2), groups=2), IMAGES),
        (layers.Conv2D(4, 3, padding=(2, 0), groups=4, bias=False), IMAGES),
    ],
    "ConvTranspose2D": [
        (layers.ConvTranspose2D(4, 3), IMAGES),
        (layers.ConvTranspose2D(6, (2, 3), 2, 1, 1, dilation=2, groups=2, bias=False), IMAGES),
    ],
    "MaxPool2D": [(layers.MaxPool2D(2), IMAGES), (layers.MaxPool2D(3, stride=2, padding="same"), IMAGES)],
    "AvgPool2D": [
        (layers.AvgPool2D((2, 3), stride=1, padding=1), IMAGES),
        (layers.AvgPool2D(2, padding="same", count_padding=False), IMAGES),
    ],
    "GlobalAvgPool2D": [(layers.GlobalAvgPool2D(), IMAGES)],
}  # fmt: skip
