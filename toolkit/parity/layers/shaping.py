"""Cases of what moves, cuts, repeats and resamples values: type -> [(layer, shape of a sample)]."""

from cnnkit import layers
from cnnkit.parity.layers.samples import IMAGES, ROW, LayerCases

VOLUME = (2, 3, 4, 3)

SHAPING: LayerCases = {
    "Flatten": [(layers.Flatten(), IMAGES), (layers.Flatten(start=2), IMAGES)],
    "Reshape": [(layers.Reshape((7, 1, 1)), ROW)],
    "Transpose": [(layers.Transpose((0, 2, 3, 1)), IMAGES), (layers.Transpose((0, 1)), ROW)],
    "ChannelShuffle": [(layers.ChannelShuffle(2), (6, 3, 4))],
    "Slice": [
        (layers.Slice(1, 1, 3), IMAGES), (layers.Slice(2, -4, None, 2), IMAGES), (layers.Slice(1, -1, None, -3), ROW),
    ],
    "Crop": [(layers.Crop(1), IMAGES), (layers.Crop(((1, 2), (0, 1), (2, 0))), IMAGES)],
    "Pad": [
        (layers.Pad(((1, 0), (0, 2), (2, 1)), value=-1.5), IMAGES), (layers.Pad((2, 3), "reflect"), IMAGES),
        (layers.Pad(((3, 10), (0, 1)), "edge"), IMAGES), (layers.Pad(((1, 2), (7, 9)), "wrap"), IMAGES),
    ],
    "Upsample": [
        (layers.Upsample(2), IMAGES),
        (layers.Upsample(size=(7, 4), coordinates="asymmetric", nearest_rule="floor"), IMAGES),
        (layers.Upsample((2, 1.5), mode="linear"), IMAGES),
        (layers.Upsample(size=(9, 11), mode="cubic", align_corners=True), IMAGES),
        (layers.Upsample(size=3, mode="cubic", antialias=True, exclude_outside=True), IMAGES),
        (layers.Upsample(2, mode="linear"), VOLUME),
        (layers.Upsample(size=4, mode="linear", coordinates="tf_crop_and_resize",
                         region=((-0.25, 0.75), (0.5, 1.25)), extrapolation=3.0), IMAGES),
    ],
    "DepthToSpace": [(layers.DepthToSpace(2), (8, 3, 2)), (layers.DepthToSpace(2, "CRD"), (8, 3, 2))],
    "SpaceToDepth": [(layers.SpaceToDepth(2), (2, 4, 6)), (layers.SpaceToDepth(2, "CRD"), (2, 4, 6))],
    "Reduce": [
        (layers.Reduce("mean", (2, 3)), IMAGES), (layers.Reduce("sum", (1,)), IMAGES),
        (layers.Reduce("max", (1, 3), keepdims=False), IMAGES), (layers.Reduce("min", (2, 1)), IMAGES),
        (layers.Reduce("prod", (1, 2)), IMAGES), (layers.Reduce("l1", (3,), keepdims=False), IMAGES),
        (layers.Reduce("l2", (2, 3)), IMAGES),
    ],
    "Rescale": [(layers.Rescale(0.5, -2), IMAGES), (layers.Rescale(shift=1.5), ROW)],
    "Scale": [
        (layers.Scale(), IMAGES), (layers.Scale((2, 3), shift=False), IMAGES), (layers.Scale((), scale=False), ROW),
    ],
}  # fmt: skip
