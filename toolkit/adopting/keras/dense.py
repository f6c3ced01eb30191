"""Dense of Keras: on vectors, also those that Keras flattened in another order, and on the last axis of images."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cnnkit.adopting.keras.activations import activate
from cnnkit.adopting.keras.graph_builder import pack
from cnnkit.adopting.keras.layer_call import LayerCall
from cnnkit.adopting.keras.values import Value, find_rows, put_first
from cnnkit.layers import Conv1D, Conv2D, Conv3D, Dense

_CONV: Mapping[int, Any] = {1: Conv1D, 2: Conv2D, 3: Conv3D}


def convert_dense(call: LayerCall) -> Value:
    """Take kernel (I, O) -> weight (O, I), its rows in the sequence in which the network has the input.

    On tensors with more axes it is a convolution with a window of 1 over their last axis.
    """
    x, units = call.x, call.integer("units")
    shapes: dict[str, tuple[int, ...]] = {"kernel": (x.shape[-1], units)}
    if call.flag("use_bias", True):
        shapes["bias"] = (units,)
    arrays = call.take(shapes)
    kernel = arrays["kernel"]
    if x.rank == 1 and call.shared:
        x = call.builder.straighten(x)  # other calls may have it in another sequence
    if x.rank == 1:
        weight, layer = kernel[find_rows(x)].T, call.build(Dense, units, bias="bias" in arrays)
    else:
        if x.rank - 1 not in _CONV:
            raise call.refuse(f"is called on a tensor with {x.rank + 1} axes, which is not supported")
        x = call.builder.arrange(x, put_first(x.rank, x.rank - 1))
        window = (1,) * (x.rank - 1)
        weight = kernel.T.reshape(units, kernel.shape[0], *window)
        layer = call.build(_CONV[x.rank - 1], units, window, bias="bias" in arrays)
        call.notes.append("on the last axis: a convolution with a window of 1")
    params = {"weight": np.ascontiguousarray(weight)} | ({"bias": arrays["bias"]} if "bias" in arrays else {})
    y = call.emit(layer, x, variables=pack(params))
    return activate(call, y, call.get("activation", None))


HANDLERS: Mapping[str, Callable[[LayerCall], Value]] = {"Dense": convert_dense}
