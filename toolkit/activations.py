"""The outputs of all layers for one sample, as tensors that a weight file can hold."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.layers import Context
from cnnkit.network import Network, Values


def activations(model: Network, x: Values) -> tuple[Tensor, ...]:
    """Return the input and the output of every layer at the top of the network for one sample x (input_shape).

    The input is named "input", an output by its layer's path; all have the kind "activation".
    """
    model.find_batch(1)
    backend, current = model.backend, model.backend.asarray(x[None].astype(model.array_dtype), model.array_dtype)
    tensors = [Tensor.of("input", x.astype(model.array_dtype), layer="input", kind="activation")]
    context = Context(backend, keeps_caches=False, half=model.half)
    with np.errstate(all="ignore"):
        for path, _, y in model.network.outputs(context, model.params, model.state, current):
            several: Sequence[Any] = y if isinstance(y, tuple) else (y,)
            for number, part in enumerate(several):
                name = path if len(several) == 1 else f"{path}:{number}"
                tensors.append(Tensor.of(name, backend.to_numpy(part)[0].copy(), layer=path, kind="activation"))
    return tuple(tensors)
