"""Names, roles and axes of the variables of Keras layers."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cnnkit.exporters.core.name_conventions import WINDOW_AXES

_ROLES = {
    "kernel": "weight", "depthwise_kernel": "weight", "pointwise_kernel": "weight", "W": "weight", "weights": "weight",
    "recurrent_kernel": "recurrent_weight", "U": "recurrent_weight",
    "bias": "bias", "b": "bias", "gamma": "gamma", "beta": "beta",
    "moving_mean": "mean", "running_mean": "mean", "mean": "mean",
    "moving_variance": "variance", "running_std": "variance", "running_var": "variance", "variance": "variance",
    "embeddings": "embedding",
}  # fmt: skip
_STATE = re.compile(r"moving_|running_|mean$|variance$|count$|seed_generator|.*(generator_state|[^a-z]seed)$")
_RECURRENT = ("kernel", "recurrent_kernel", "bias")
_CLASSES: Mapping[str, Sequence[str]] = {
    "dense": ("kernel", "bias"),
    "einsum_dense": ("kernel", "bias"),
    **{f"conv{n}d": ("kernel", "bias") for n in (1, 2, 3)},
    **{f"conv{n}d_transpose": ("kernel", "bias") for n in (1, 2, 3)},
    **{f"depthwise_conv{n}d": ("kernel", "bias") for n in (1, 2)},
    **{f"separable_conv{n}d": ("depthwise_kernel", "pointwise_kernel", "bias") for n in (1, 2)},
    **dict.fromkeys(("lstm_cell", "gru_cell", "simple_rnn_cell", "cell"), _RECURRENT),
    "embedding": ("embeddings",),
    "p_re_lu": ("alpha",),
    "seed_generator": ("seed_generator_state",),
    "normalization": ("mean", "variance", "count"),
}
_SCALED = {
    "batch_normalization": ("moving_mean", "moving_variance"),
    "layer_normalization": (),
    "group_normalization": (),
}
_PLAIN = {
    ("weight", 2): ("in", "out"), ("recurrent_weight", 2): ("in", "out"), ("embedding", 2): ("vocab", "dim"),
    ("bias", 1): ("out",), **{(name, 1): ("c",) for name in ("gamma", "beta", "mean", "variance")},
}  # fmt: skip


def find_role(variable: str, layer_class: str = "") -> str:
    """Return the role of a variable by its name: "kernel" -> weight, Keras 1's "U_i" -> recurrent_weight."""
    if layer_class == "embedding" and variable in ("W", "param_0"):
        return "embedding"
    gate = re.fullmatch(r"([WUb])_[a-z]", variable)
    return _ROLES.get(gate[1] if gate else variable, "other")


def is_state(variable: str) -> bool:
    """Return whether a variable is state, which is kept and not trained."""
    return _STATE.match(variable) is not None


def name_axes(
    variable: str, layer_class: str, shapes: Mapping[str, tuple[int, ...]], theano: bool = False
) -> tuple[str, ...] | None:
    """Return the names of a variable's axes, or None where they are not certain.

    shapes: of all variables of its layer, by name; the length of the bias tells what the class does not.
    theano: kernels are stored (O, I, KH, KW), as Keras 0 and 1 did with Theano's ordering.
    """
    rank, meaning = len(shapes[variable]), find_role(variable, layer_class)
    convolution = "conv" in layer_class or any(len(shapes[v]) > 3 and find_role(v) == "weight" for v in shapes)
    if "einsum" in layer_class or "attention" in layer_class:
        return None if meaning in ("weight", "bias") else _PLAIN.get((meaning, rank))
    if meaning == "weight" and (convolution or rank > 3) and rank in WINDOW_AXES:
        window = WINDOW_AXES[rank]
        if theano:
            return ("o", "i", *window)
        return (*window, *_name_channels(variable, layer_class, shapes[variable], find_bias_length(shapes)))
    if meaning == "bias" and rank == 1 and convolution:
        return ("o",)
    return _PLAIN.get((meaning, rank))


def _name_channels(variable: str, layer_class: str, shape: tuple[int, ...], outputs: int | None) -> tuple[str, str]:
    """Return the names of the last two axes of a kernel whose window comes first."""
    if "depthwise" in layer_class or variable == "depthwise_kernel":
        return "i", "m"
    if "transpose" in layer_class or "deconv" in layer_class:
        return "o", "i"
    if outputs is not None and outputs != shape[-1] and variable != "pointwise_kernel":
        if outputs == shape[-2] * shape[-1]:
            return "i", "m"
        if outputs == shape[-2]:
            return "o", "i"
    return "i", "o"


def find_bias_length(shapes: Mapping[str, tuple[int, ...]]) -> int | None:
    """Return the number of outputs of a layer with a bias."""
    return next((shape[0] for v, shape in shapes.items() if find_role(v) == "bias" and len(shape) == 1), None)


def tells_theano(shapes: Mapping[str, tuple[int, ...]]) -> bool | None:
    """Return whether a layer's kernel has its outputs first, as Theano's; None where its bias does not tell."""
    outputs = find_bias_length(shapes)
    kernels = [shape for v, shape in shapes.items() if find_role(v) == "weight" and len(shape) > 3]
    if outputs is None or len(kernels) != 1 or (kernels[0][0] == outputs) == (kernels[0][-1] == outputs):
        return None
    return kernels[0][0] == outputs


def name_numbered(layer_class: str, fields: Mapping[str, Any], shapes: Mapping[int, tuple[int, ...]]) -> dict[int, str]:
    """Return {index: name} of the variables that a Keras 3 file numbers; an unknown one keeps its number.

    fields: the layer's configuration, empty when there is none.
    """
    names: Sequence[str] = _CLASSES.get(layer_class, ())
    if layer_class in _SCALED:
        names = _name_scaled(layer_class, fields, len(shapes))
    elif not names and _looks_dense(shapes):
        names = ("kernel", "bias")
    return {index: names[index] if index < len(names) else str(index) for index in shapes}


def is_known(layer_class: str) -> bool:
    """Return whether the variables of a class are known."""
    return layer_class in _CLASSES or layer_class in _SCALED


def strip_number(name: str) -> str:
    """conv2d_3 -> conv2d."""
    return re.sub(r"_\d+$", "", name)


def _name_scaled(layer_class: str, fields: Mapping[str, Any], count: int) -> tuple[str, ...]:
    statistics = _SCALED[layer_class]
    if "scale" in fields or "center" in fields:
        trained = [n for n, field in (("gamma", "scale"), ("beta", "center")) if fields.get(field, True) is not False]
    elif count - len(statistics) == 1:  # one of gamma and beta; nothing shows which
        trained = ["0"]
    else:
        trained = ["gamma", "beta"][: count - len(statistics)]
    return (*trained, *statistics)


def _looks_dense(shapes: Mapping[int, tuple[int, ...]]) -> bool:
    """Return whether the second variable is as large as the outputs of the first."""
    if set(shapes) != {0, 1} or not 0 < len(shapes[1]) < len(shapes[0]):
        return False
    return shapes[1] == shapes[0][-len(shapes[1]) :]
