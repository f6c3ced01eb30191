"""Which calculation explains which layer."""

from collections.abc import Callable
from typing import Any

from cnnkit.architecture import PlacedLayer
from cnnkit.errors import ConfigError
from cnnkit.explanation.functions import work_batch_norm, work_function, work_softmax
from cnnkit.explanation.sums import work_dense, work_join, work_linear, work_move
from cnnkit.explanation.windows import (
    work_average_pooling,
    work_convolution,
    work_global_pooling,
    work_max_pooling,
)
from cnnkit.explanation.worked import Index, Recorded, Worked
from cnnkit.files.names import printable
from cnnkit.layers import (
    BatchNorm,
    Branches,
    ChannelShuffle,
    Concatenate,
    Crop,
    Dense,
    DepthToSpace,
    Flatten,
    Pad,
    Reshape,
    Residual,
    Slice,
    Softmax,
    SpaceToDepth,
    Transpose,
    Upsample,
)
from cnnkit.layers.joining.join import ElementwiseJoin
from cnnkit.layers.windows.adaptive_pooling import AdaptivePooling
from cnnkit.layers.windows.average_pooling import AveragePooling
from cnnkit.layers.windows.convolution import Convolution
from cnnkit.layers.windows.global_pooling import GlobalPooling
from cnnkit.layers.windows.max_pooling import MaxPooling
from cnnkit.layers.windows.transposed_convolution import TransposedConvolution

_MOVES = (
    Flatten, Reshape, Transpose, Slice, Pad, Crop, ChannelShuffle, DepthToSpace, SpaceToDepth, Concatenate,
)  # fmt: skip
_WORKERS: tuple[tuple[Any, Callable[[Recorded, Index], Worked]], ...] = (
    (Convolution, work_convolution),
    (MaxPooling, work_max_pooling),
    (AveragePooling, work_average_pooling),
    (GlobalPooling, work_global_pooling),
    (BatchNorm, work_batch_norm),
    (Softmax, work_softmax),
    ((TransposedConvolution, AdaptivePooling, Upsample), work_linear),
    (_MOVES, work_move),
    (ElementwiseJoin, work_join),
)


def work(call: Recorded, index: Index, image: tuple[int, ...] | None = None) -> Worked:
    """Return the calculation of y[index]. image: (C, H, W) where the input of a Dense layer is a flattened image."""
    if isinstance(call.layer, Dense):
        return work_dense(call, index, image)
    for kind, worker in _WORKERS:
        if isinstance(call.layer, kind):
            return worker(call, index)
    return work_function(call, index)


def require_worked(placed: PlacedLayer) -> None:
    """Raise ConfigError for a layer whose values no one calculation gives."""
    layer, path = placed.layer, printable(placed.path, 80)
    inside = [name for name, _, _ in layer.children(placed.input_shape)]
    if inside and not isinstance(layer, Residual | Branches):
        raise ConfigError(f"LAYER: {path} ({layer.type}) holds layers: name one of them, such as {path}.{inside[0]}")
    if layer.output_count != 1:
        raise ConfigError(f"LAYER: {path} ({layer.type}) has {layer.output_count} outputs: name a layer that takes one")
    if layer.external:
        raise ConfigError(f"LAYER: {path} ({layer.type}) is a layer of your own, whose formula cnnkit does not know")
