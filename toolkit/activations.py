"""The outputs of all layers for one sample, as tensors that a weight file can hold."""

import numpy as np

from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.layers import Context
from cnnkit.network import Network, Values
from cnnkit.tree import child


def activations(model: Network, x: Values) -> tuple[Tensor, ...]:
    """Return the input and the output of every layer at the top of the network for one sample x (input_shape).

    The input is named "input", an output by its layer's path; all have the kind "activation".
    """
    model.find_batch(1)
    backend, current = model.backend, model.backend.asarray(x[None].astype(model.dtype), model.dtype)
    tensors = [Tensor.of("input", x.astype(model.dtype), layer="input", kind="activation")]
    for i, layer in enumerate(model.network.layers):
        path = str(i)
        params, state = child(model.params, path), child(model.state, path)
        with np.errstate(all="ignore"):
            current, _ = layer.forward(Context(backend), params, state, current)
        tensors.append(Tensor.of(path, backend.to_numpy(current)[0].copy(), layer=path, kind="activation"))
    return tuple(tensors)
