"""Cases of convolution and pooling: type -> [(layer, shape of a sample)]."""

from cnnkit import layers
from cnnkit.parity.layers.samples import IMAGES, LayerCases

SIGNALS, VOLUMES = (4, 9), (4, 4, 3, 5)
WINDOWS: LayerCases = {
    "Conv1D": [
        (layers.Conv1D(4, 3), SIGNALS),
        (layers.Conv1D(6, 3, stride=2, padding=((2, 1),), dilation=2, groups=2), SIGNALS),
    ],
    "Conv2D": [
        (layers.Conv2D(4, 3), IMAGES),
        (layers.Conv2D(6, (2, 3), stride=(2, 1), padding="same", dilation=(1, 2), groups=2), IMAGES),
        (layers.Conv2D(4, 3, padding=(2, 0), groups=4, bias=False), IMAGES),
        (layers.Conv2D(4, 2, padding="same_lower"), IMAGES),
        (layers.Conv2D(3, 2, stride=3, padding=((2, 0), (0, 1))), IMAGES),
    ],
    "Conv3D": [
        (layers.Conv3D(2, 2), VOLUMES),
        (layers.Conv3D(4, (1, 2, 3), stride=(2, 1, 2), padding="same", dilation=(1, 2, 1), groups=2), VOLUMES),
    ],
    "ConvTranspose1D": [
        (layers.ConvTranspose1D(4, 3, stride=2, padding=((1, 0),), output_padding=1), SIGNALS),
        (layers.ConvTranspose1D(2, 2, stride=3, bias=False), SIGNALS),
    ],
    "ConvTranspose2D": [
        (layers.ConvTranspose2D(4, 3), IMAGES),
        (layers.ConvTranspose2D(6, (2, 3), 2, 1, 1, dilation=2, groups=2, bias=False), IMAGES),
    ],
    "ConvTranspose3D": [
        (layers.ConvTranspose3D(2, (2, 1, 3), stride=(1, 2, 2), padding=(1, 0, 1), groups=2), VOLUMES),
    ],
    "MaxPool1D": [(layers.MaxPool1D(2, stride=3, padding=1, ceil_mode=True), SIGNALS)],
    "MaxPool2D": [
        (layers.MaxPool2D(2), IMAGES),
        (layers.MaxPool2D(3, stride=2, padding="same"), IMAGES),
        (layers.MaxPool2D((2, 3), stride=2, padding=((1, 0), (2, 3)), dilation=(2, 2), ceil_mode=True), IMAGES),
    ],
    "MaxPool3D": [(layers.MaxPool3D((1, 2, 2), stride=(2, 1, 2), dilation=(1, 2, 1)), VOLUMES)],
    "AvgPool1D": [
        (layers.AvgPool1D(3, stride=2, padding=1, ceil_mode=True), SIGNALS),
        (layers.AvgPool1D(3, stride=4, padding="same_lower", count_padding=False), SIGNALS),
    ],
    "AvgPool2D": [
        (layers.AvgPool2D((2, 3), stride=1, padding=1), IMAGES),
        (layers.AvgPool2D(2, padding="same", count_padding=False), IMAGES),
        (layers.AvgPool2D(3, stride=2, padding=((1, 0), (0, 2)), dilation=(1, 2), ceil_mode=True), IMAGES),
    ],
    "AvgPool3D": [(layers.AvgPool3D(2, stride=(1, 2, 3), ceil_mode=True), VOLUMES)],
    "GlobalAvgPool1D": [(layers.GlobalAvgPool1D(), SIGNALS)],
    "GlobalAvgPool2D": [(layers.GlobalAvgPool2D(), IMAGES), (layers.GlobalAvgPool2D(keepdims=True), IMAGES)],
    "GlobalAvgPool3D": [(layers.GlobalAvgPool3D(keepdims=True), VOLUMES)],
    "GlobalMaxPool1D": [(layers.GlobalMaxPool1D(keepdims=True), SIGNALS)],
    "GlobalMaxPool2D": [(layers.GlobalMaxPool2D(), IMAGES)],
    "GlobalMaxPool3D": [(layers.GlobalMaxPool3D(), VOLUMES)],
    "AdaptiveAvgPool1D": [(layers.AdaptiveAvgPool1D(3), SIGNALS), (layers.AdaptiveAvgPool1D(4), SIGNALS)],
    "AdaptiveAvgPool2D": [(layers.AdaptiveAvgPool2D((2, 3)), IMAGES), (layers.AdaptiveAvgPool2D((7, 4)), IMAGES)],
    "AdaptiveAvgPool3D": [(layers.AdaptiveAvgPool3D((2, 2, 3)), VOLUMES)],
    "AdaptiveMaxPool1D": [(layers.AdaptiveMaxPool1D(6), SIGNALS)],
    "AdaptiveMaxPool2D": [(layers.AdaptiveMaxPool2D((5, 2)), IMAGES), (layers.AdaptiveMaxPool2D((2, 4)), IMAGES)],
    "AdaptiveMaxPool3D": [(layers.AdaptiveMaxPool3D((3, 1, 2)), VOLUMES)],
}  # fmt: skip
