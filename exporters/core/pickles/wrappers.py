"""Where in a checkpoint the net lies: makers of training programs put it under a few usual names."""

from typing import Any

from cnnkit.exporters.core.pickles.numpy_calls import NumpyArray
from cnnkit.exporters.core.pickles.values import Absent, Opaque, TensorRef

_CERTAIN = ("state_dict", "model_state_dict", "net_state_dict", "model_state", "model")  # whatever lies beside them
USUAL = (
    *_CERTAIN, "net", "network", "module", "weights", "params",
    "ema_state_dict", "state_dict_ema", "model_ema", "ema", "params_ema",
)  # fmt: skip
_DEEPEST, _MOST_LOOKED_INTO = 4, 20


def find_wrapper(document: dict[Any, Any]) -> tuple[str, ...]:
    """Return the keys that lead to the net: usual names, or that of the only dictionary of tensors; () for none.

    Numbers, 0-d tensors and dictionaries of other things beside it do not matter. Neither do tensors beside a key that
    holds a net in every program; beside any other they are the net, and the dictionary is one of its parts.
    """
    path: list[str] = []
    inner: Any = document
    while isinstance(inner, dict) and len(path) < _DEEPEST:
        key = _find_key(inner, usual_only=bool(path))
        if key is None:
            break
        path.append(key)
        inner = inner[key]
    return tuple(path)


def _find_key(document: dict[Any, Any], usual_only: bool) -> str | None:
    loose = any(_is_tensor(value, 1) for value in document.values())
    for key in _CERTAIN if loose else USUAL:
        if key in document and _holds_net(document[key], set()):
            return key
    if usual_only or loose:
        return None
    states = {id(value): _is_state(value, 1) for value in {id(value): value for value in document.values()}.values()}
    holding = [key for key, value in document.items() if states[id(value)]]  # one value may lie under many keys
    return holding[0] if len(holding) == 1 and isinstance(holding[0], str) else None


def is_optimizer(value: dict[Any, Any]) -> bool:
    """Return whether a dictionary is the state of an optimizer."""
    return isinstance(value.get("param_groups"), list) and isinstance(value.get("state"), dict)


def _holds_net(value: Any, seen: set[int]) -> bool:
    """Return whether a value is a state_dict, a whole model, or a dictionary with one under a usual name."""
    if isinstance(value, Opaque):
        return isinstance(value.state, dict) and "_modules" in value.state
    if not isinstance(value, dict) or id(value) in seen or len(seen) > _MOST_LOOKED_INTO:
        return False
    seen.add(id(value))
    return _is_state(value, 0) or any(key in value and _holds_net(value[key], seen) for key in USUAL)


def _is_state(value: Any, least_rank: int) -> bool:
    """Return whether a value is a dictionary that holds a tensor of so many axes itself."""
    if not isinstance(value, dict) or is_optimizer(value):
        return False
    return any(_is_tensor(inner, least_rank) for inner in value.values())


def _is_tensor(value: Any, least_rank: int) -> bool:
    if type(value) is tuple and len(value) == 2 and isinstance(value[0], str):  # (name, tensor), by Paddle
        value = value[1]
    if isinstance(value, NumpyArray):
        value = None if value.items is not None else value.tensor
    return isinstance(value, Absent) or (isinstance(value, TensorRef) and len(value.shape) >= least_rank)
