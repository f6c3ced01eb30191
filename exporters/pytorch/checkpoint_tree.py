"""The tensors of a checkpoint with their names: the net's, the optimizer's, and others."""

from typing import Any, NamedTuple

from cnnkit.exporters.pytorch.symbols import TensorRef
from cnnkit.files.unsafe_file import UnsafeFileError

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "module", "weights", "params")
_MOST_NODES, _DEEPEST = 300_000, 50
_LONGEST_TEXT = 1000


class CheckpointTensor(NamedTuple):
    """A tensor, its name, and its owner: "net", "optimizer" or "other"."""

    name: str
    owner: str
    tensor: TensorRef


class Checkpoint(NamedTuple):
    """The content of a file; `wrapper` is the key that holds the net, or None.

    values: the numbers and texts beside the net; skipped: the number of other values.
    """

    tensors: list[CheckpointTensor]
    wrapper: str | None
    values: dict[str, Any]
    skipped: int


def explore(document: Any) -> Checkpoint:
    """Return the tensors of a pickle's content. Raises UnsafeFileError when it is nested too deep."""
    if isinstance(document, TensorRef):
        return Checkpoint([CheckpointTensor("tensor", "net", document)], None, {}, 0)
    walker = _Walker()
    if not isinstance(document, dict) or _is_optimizer(document):
        owner = "optimizer" if isinstance(document, dict) else "net"
        walker.walk(document, "", owner)
        return Checkpoint(walker.tensors, None, {}, walker.skipped)
    wrapper = _find_wrapper(document)
    values: dict[str, Any] = {}
    optimizers = sum(isinstance(value, dict) and _is_optimizer(value) for value in document.values())
    for key, value in document.items():
        if key == wrapper:
            walker.walk(value, "", "net")
        elif isinstance(value, dict) and _is_optimizer(value):
            walker.walk(value, f"{key}." if optimizers > 1 else "", "optimizer")
        elif isinstance(value, dict | list | tuple | TensorRef):
            walker.walk(value, str(key), "net" if wrapper is None else "other", with_dot=True)
        elif _is_plain(value):
            values[str(key)] = value
        else:
            walker.skipped += 1
    return Checkpoint(walker.tensors, wrapper, values, walker.skipped)


def _find_wrapper(document: dict[Any, Any]) -> str | None:
    """Return the key that holds the net: one of the usual names, or that of the only dictionary of tensors."""
    holding = [key for key, value in document.items() if _holds_tensors(value) and isinstance(key, str)]
    if any(isinstance(value, TensorRef) for value in document.values()):
        return None
    usual = [key for key in _WRAPPERS if key in holding]
    return usual[0] if usual else holding[0] if len(holding) == 1 else None


def _holds_tensors(value: Any) -> bool:
    return isinstance(value, dict) and any(isinstance(inner, TensorRef) for inner in value.values())


def _is_optimizer(value: dict[Any, Any]) -> bool:
    return isinstance(value.get("param_groups"), list) and isinstance(value.get("state"), dict)


def _is_plain(value: Any) -> bool:
    if isinstance(value, float):
        return value - value == 0  # JSON has neither NaN nor infinities
    return value is None or isinstance(value, bool | int) or (isinstance(value, str) and len(value) <= _LONGEST_TEXT)


class _Walker:
    """Visits dictionaries and lists in order, up to a limit, because a list may contain itself."""

    def __init__(self) -> None:
        self.tensors: list[CheckpointTensor] = []
        self.skipped = 0
        self._nodes = 0

    def walk(self, value: Any, prefix: str, owner: str, with_dot: bool = False) -> None:
        self._visit(value, prefix, owner, 0, with_dot)

    def _visit(self, value: Any, name: str, owner: str, depth: int, named: bool) -> None:
        self._nodes += 1
        if self._nodes > _MOST_NODES or depth > _DEEPEST:
            raise UnsafeFileError(f"more than {_MOST_NODES} values, or nested deeper than {_DEEPEST}", "too_big")
        if isinstance(value, TensorRef):
            self.tensors.append(CheckpointTensor(name, owner, value))
        elif isinstance(value, dict) or type(value) in {list, tuple}:
            items = value.items() if isinstance(value, dict) else enumerate(value)
            for key, inner in items:
                self._visit(inner, f"{name}.{key}" if named else f"{name}{key}", owner, depth + 1, True)
        else:
            self.skipped += 1
