"""Layers of Keras 1 in the words of Keras 2: Convolution2D with nb_filter becomes Conv2D with filters."""

from collections.abc import Mapping
from typing import Any

_CLASSES = {
    "Convolution1D": "Conv1D", "Convolution2D": "Conv2D", "Convolution3D": "Conv3D",
    "AtrousConvolution1D": "Conv1D", "AtrousConv1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D", "AtrousConv2D": "Conv2D",
    "Deconvolution2D": "Conv2DTranspose", "Deconv2D": "Conv2DTranspose", "Convolution2DTranspose": "Conv2DTranspose",
    "Convolution3DTranspose": "Conv3DTranspose", "Deconvolution3D": "Conv3DTranspose",
    "SeparableConvolution2D": "SeparableConv2D", "SeparableConvolution1D": "SeparableConv1D",
    "DepthwiseConvolution2D": "DepthwiseConv2D",
    **{f"MaxPool{n}D": f"MaxPooling{n}D" for n in (1, 2, 3)},
    **{f"AvgPool{n}D": f"AveragePooling{n}D" for n in (1, 2, 3)},
    **{f"GlobalMaxPool{n}D": f"GlobalMaxPooling{n}D" for n in (1, 2, 3)},
    **{f"GlobalAvgPool{n}D": f"GlobalAveragePooling{n}D" for n in (1, 2, 3)},
    "BatchNormalizationV1": "BatchNormalization", "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
}  # fmt: skip
_FIELDS = {
    "nb_filter": "filters", "filter_length": "kernel_size", "subsample": "strides", "subsample_length": "strides",
    "border_mode": "padding", "bias": "use_bias", "p": "rate", "pool_length": "pool_size", "stride": "strides",
    "atrous_rate": "dilation_rate", "sigma": "stddev",
}  # fmt: skip
_PER_CLASS = {"Dense": {"output_dim": "units"}, "UpSampling1D": {"length": "size"}}
_SPATIAL = {"th": "channels_first", "tf": "channels_last", "default": "channels_last"}
THEANO = "stored as Theano has kernels"


def modernise(kind: str, fields: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return class and fields as Keras 2 has them; THEANO among the fields says that kernels are (O, I, KH, KW)."""
    kind = _CLASSES.get(kind.removeprefix("Addons>"), kind)
    names = _FIELDS | _PER_CLASS.get(kind, {})
    new = {names.get(key, key): value for key, value in fields.items()}
    if "nb_row" in fields and "nb_col" in fields:
        new["kernel_size"] = [fields["nb_row"], fields["nb_col"]]
    if "kernel_dim1" in fields:
        new["kernel_size"] = [fields.get(f"kernel_dim{i}") for i in (1, 2, 3)]
    if isinstance(fields.get("dim_ordering"), str):
        new["data_format"] = _SPATIAL.get(fields["dim_ordering"], fields["dim_ordering"])
        new[THEANO] = fields["dim_ordering"] == "th"
    return kind, new
