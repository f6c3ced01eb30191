"""How an Upsample of the architecture JSON resamples each spatial axis."""

from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.resampling import AxisMap


def read_axes(layer: LayerFields) -> list[AxisMap]:
    """Return how each spatial axis is resampled."""
    lengths, outputs, scale = layer["input_shape"][1:], layer["output_shape"][1:], layer.get("scale")
    scales = list(scale) if isinstance(scale, list | tuple) else [scale] * len(lengths)
    regions = layer.get("region") or [(0.0, 1.0)] * len(lengths)
    mode = layer.get("mode", "nearest")
    coordinates = "align_corners" if layer.get("align_corners", False) else layer.get("coordinates", "half_pixel")
    fields = (
        mode, coordinates, layer.get("nearest_rule", "round_prefer_floor"), layer.get("cubic_a", -0.75),
        layer.get("exclude_outside", False), layer.get("antialias", False) and mode != "nearest",
    )  # fmt: skip
    return [
        AxisMap(length, output, given, *fields, (region[0], region[1]))
        for length, output, given, region in zip(lengths, outputs, scales, regions, strict=True)
    ]
