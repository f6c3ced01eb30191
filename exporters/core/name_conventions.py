"""Layer, kind, role and axes of a tensor by its name and shape, as PyTorch names them."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from cnnkit.exporters.core.element_types import carrier, is_raw
from cnnkit.exporters.core.weight_file import numbered_axes
from cnnkit.files.natural_order import natural_key

Shape = tuple[int, ...]
_PREFIXES = ("module.", "_orig_mod.")  # DataParallel and torch.compile put these before every name
_ROLES = {
    "weight": ("parameter", "weight"),
    "bias": ("parameter", "bias"),
    "running_mean": ("state", "mean"),
    "running_var": ("state", "variance"),
    "num_batches_tracked": ("state", "other"),
    "gamma": ("parameter", "gamma"),
    "beta": ("parameter", "beta"),
    "mean": ("state", "mean"),
    "variance": ("state", "variance"),
}
_WORDS = {
    "w": "weight", "weight": "weight", "weights": "weight", "kernel": "weight",
    "b": "bias", "bias": "bias", "biases": "bias", "gamma": "gamma", "beta": "beta",
    "mean": "mean", "running_mean": "mean", "var": "variance", "variance": "variance", "running_var": "variance",
}  # fmt: skip
_STATE = frozenset(("mean", "variance"))
_RANKS = {part: rank for rank, part in enumerate(_ROLES)}
_RECURRENT = (("weight_ih", "weight"), ("weight_hh", "recurrent_weight"), ("bias_", "bias"))
WINDOW_AXES = {3: ("k",), 4: ("kh", "kw"), 5: ("kd", "kh", "kw")}  # of a convolution kernel, by its rank


class Meaning(NamedTuple):
    """Layer, kind, role and axes of a tensor."""

    layer: str
    kind: str
    role: str
    axes: tuple[str, ...]


def interpret_name(name: str, dtype: str, shapes: Mapping[str, Shape]) -> Meaning:
    """Return the meaning of tensor `name`; `shapes` holds the shapes of all tensors of the net, by name.

    A wrapper's prefix ("module.") is not part of the layer's path, so that the layer pairs with that of the bare net.
    """
    bare, shape = _strip_prefixes(name), shapes[name]
    layer, _, part = bare.rpartition(".")
    kind, role = _ROLES.get(part, ("", ""))
    if not kind:
        floating = is_raw(dtype) or carrier(dtype).kind in "fc"
        kind = "parameter" if floating else "other"
        role = next((role for begin, role in _RECURRENT if part.startswith(begin)), "other")
    folder = name[: len(name) - len(part)]
    weight, bias = shapes.get(f"{folder}weight"), shapes.get(f"{folder}bias")
    if part in {"weight", "bias"} and (f"{folder}running_mean" in shapes or (weight is not None and weight == bias)):
        role = {"weight": "gamma", "bias": "beta"}[part]  # weight and bias of one shape: not a linear map
    elif part == "weight" and len(shape) == 2 and "emb" in layer.rpartition(".")[2].lower():
        return Meaning(layer, kind, "embedding", ("vocabulary", "dimension"))
    return Meaning(layer, kind, role, _name_axes(role, shape, weight, bias))


def _name_axes(role: str, shape: Shape, weight: Shape | None, bias: Shape | None) -> tuple[str, ...]:
    if role in {"gamma", "beta", "mean", "variance"} and len(shape) == 1:
        return ("c",)
    if role == "bias" and len(shape) == 1 and weight is not None:
        return ("out",) if len(weight) == 2 else ("o",)
    if role == "weight" and len(shape) == 2:
        return ("out", "in")
    if role == "weight" and len(shape) in WINDOW_AXES:
        return (*(("i", "o") if _is_transposed(shape, bias) else ("o", "i")), *WINDOW_AXES[len(shape)])
    return numbered_axes(len(shape))


def _is_transposed(shape: Shape, bias: Shape | None) -> bool:
    """Return whether a weight is that of a transposed convolution, (i, o, ...), which its bias shows if i is not o."""
    if not bias or not shape[1]:
        return False
    return bias[0] != shape[0] and bias[0] % shape[1] == 0


def find_word_role(word: str) -> tuple[str, str]:
    """Return (kind, role) of an array that is called `word`, as many programs do: "W1" -> parameter, weight."""
    role = _WORDS.get(word.lower().rstrip("0123456789"), "other")
    return "state" if role in _STATE else "parameter", role


def sort_names(names: Iterable[str]) -> list[str]:
    """Return names in the order of layers, 2 before 10, weight before bias: for files whose order means nothing."""
    return sorted(names, key=_order_key)


def _order_key(name: str) -> tuple[object, ...]:
    layer, _, part = name.replace("/", ".").rpartition(".")
    return natural_key(layer), _RANKS.get(part, len(_RANKS)), natural_key(part)


def _strip_prefixes(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name
