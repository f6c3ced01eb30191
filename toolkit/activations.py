"""What a net makes of one sample, layer by layer, as tensors that a weight file can carry."""

from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.layers import Context
from cnnkit.network import Network, Values
from cnnkit.tree import child


def activations(model: Network, x: Values) -> tuple[Tensor, ...]:
    """Return the input and the output of every layer at the top of the network for one sample x (input_shape).

    The input is called "input", an output by its layer's path; all are of kind "activation".
    """
    backend, current = model.backend, model.backend.asarray(x[None].astype(model.dtype), model.dtype)
    found = [Tensor.of("input", x.astype(model.dtype), layer="input", kind="activation")]
    for i, layer in enumerate(model.network.layers):
        path = str(i)
        params, state = child(model.params, path), child(model.state, path)
        current, _ = layer.forward(Context(backend), params, state, current)
        found.append(Tensor.of(path, backend.to_numpy(current)[0].copy(), layer=path, kind="activation"))
    return tuple(found)
