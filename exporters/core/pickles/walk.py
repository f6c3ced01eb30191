"""Walks through the content of a pickle and names what it finds: a tensor's name is the path of keys to it."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from cnnkit.exporters.core.pickles.content import Content
from cnnkit.exporters.core.pickles.numpy_calls import NumpyArray
from cnnkit.exporters.core.pickles.values import Absent, Blob, Opaque, Storage, Symbol, TensorRef, Unordered
from cnnkit.exporters.core.pickles.wrappers import find_wrapper, is_optimizer
from cnnkit.files.unsafe_file import UnsafeFileError

_MOST_NODES, _DEEPEST = 300_000, 100
_NO_WEIGHTS = ("numpy.random",)  # their arrays are states of generators
_FEW = 1024  # fewer bytes are no weights, but a date or a name
_MODULE = ("_parameters", "_buffers", "_modules")


def explore(document: Any) -> Content:
    """Return the tensors of a pickle's content. Raises UnsafeFileError when it is nested too deep, or endless."""
    walker = _Walker()
    found = walker.content
    if not isinstance(document, dict) or is_optimizer(document):
        name = "tensor" if isinstance(document, TensorRef | NumpyArray) else ""
        walker.visit(document, name, "net", 0, False)
        return found
    path = find_wrapper(document)
    found.wrapper = ".".join(path) or None
    single = sum(isinstance(value, dict) and is_optimizer(value) for value in document.values()) == 1
    walker.visit_beside(document, path, "", single)
    return found


def explore_named(document: Any, name: str) -> Content:
    """Return the tensors of a pickle that is a part of a file, called `name` there. Raises as `explore`."""
    walker = _Walker()
    walker.visit(document, name, "net", 0, True)
    return walker.content


class _Walker:
    """Visits values in order, up to a limit; a container that contains itself, and an object met again, once."""

    def __init__(self) -> None:
        self.content = Content()
        self._nodes = 0
        self._open: set[int] = set()  # containers on the path to the present value
        self._seen: set[int] = set()  # objects
        self._inside_object = 0
        self._inside_rest = 0  # attributes of a module that its state_dict does not hold
        self._listed: set[int] = set()

    def visit_beside(self, value: dict[Any, Any], path: tuple[str, ...], prefix: str, single: bool) -> None:
        """Visit a dictionary whose net lies at `path`; its tensors have no prefix, all others have."""
        wrapped = path[0] if path else None
        for key, inner in _list_items(value):
            if wrapped is None or key != wrapped:
                bare = single and isinstance(inner, dict) and is_optimizer(inner)
                owner = "net" if wrapped is None else "other"
                self.visit(inner, "" if bare else f"{prefix}{key}", owner, 1, not bare)
            elif len(path) > 1:
                self.visit_beside(inner, path[1:], f"{prefix}{key}.", False)
            else:
                self.visit(inner, "", "net", 1, False)

    def visit(self, value: Any, name: str, owner: str, depth: int, named: bool) -> None:
        """Take a value and all that is in it; not `named`: its members' names begin at their keys."""
        self._nodes += 1
        if self._nodes > _MOST_NODES or depth > _DEEPEST:
            raise UnsafeFileError(f"more than {_MOST_NODES} values, or nested deeper than {_DEEPEST}", "too_big")
        if isinstance(value, NumpyArray):
            value = _resolve_array(value)
        if isinstance(value, TensorRef):
            if not self._inside_rest or id(value) not in self._listed:  # an LSTM has each weight twice
                self.content.add_tensor(name, owner, value)
            self._listed.add(id(value))
        elif isinstance(value, Absent):
            self.content.add_absent(name, value)
        elif isinstance(value, Opaque):
            self._visit_object(value, name, owner, depth, named)
        elif isinstance(value, dict | list) or type(value) is tuple:
            self._visit_container(value, name, owner, depth, named)
        else:
            self.content.unread_bytes += isinstance(value, Storage) or (isinstance(value, Blob) and value.size >= _FEW)
            if isinstance(value, Symbol) or not self._inside_object:
                self.content.add_value(name, value)

    def _visit_container(self, value: Any, name: str, owner: str, depth: int, named: bool) -> None:
        if id(value) in self._open:
            return
        if isinstance(value, Unordered) and not self._inside_object:
            self.content.add_value(name, value)
        if isinstance(value, dict) and is_optimizer(value):
            owner = "optimizer"
        self._open.add(id(value))
        self._visit_items(_list_items(value), name, owner, depth, named)
        self._open.discard(id(value))

    def _visit_items(self, items: Iterable[tuple[Any, Any]], name: str, owner: str, depth: int, named: bool) -> None:
        for key, inner in items:
            self.visit(inner, f"{name}.{key}" if named else f"{name}{key}", owner, depth + 1, True)

    def _visit_object(self, value: Opaque, name: str, owner: str, depth: int, named: bool) -> None:
        if id(value) in self._seen:
            return
        self._seen.add(id(value))
        state = value.state
        if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):  # attributes, slots
            state = (state[0] if isinstance(state[0], dict) else {}) | state[1]
        model = isinstance(state, dict) and all(isinstance(state.get(part), dict) for part in _MODULE)
        part_of_model = self._inside_object and (model or value.symbol.module.startswith(("__torch__", "torch.")))
        before = self.content.unread_bytes
        if not value.symbol.module.startswith(_NO_WEIGHTS):
            self._visit_parts(value, state, model, name, owner, depth, named)
        if not part_of_model:
            self.content.add_object(value, model, self.content.unread_bytes > before)

    def _visit_parts(
        self, value: Opaque, state: Any, model: bool, name: str, owner: str, depth: int, named: bool
    ) -> None:
        self._inside_object += 1
        if isinstance(state, dict):
            owner = "optimizer" if is_optimizer(state) else owner
            members, rest = _split_module(state) if model else (state, {})
            self._visit_items(members.items(), name, owner, depth, named)
            self._inside_rest += 1
            self._visit_items(rest.items(), name, owner, depth, named)
            self._inside_rest -= 1
        elif state is not None:
            self.visit(state, f"{name}.state" if named else f"{name}state", owner, depth + 1, True)
        self._visit_items(value.items.items(), name, owner, depth, named)
        self._visit_items(enumerate((*value.arguments, *value.elements)), name, owner, depth, named)
        self._inside_object -= 1


def _resolve_array(array: NumpyArray) -> Any:
    """Return an array's tensor, or its objects: the only one of no axis, or all by their index."""
    if array.items is None:
        return array.tensor
    if not array.shape:
        return array.items[0]
    if len(array.shape) == 1 or not array.items:
        return array.items
    indices = (".".join(map(str, index)) for index in np.ndindex(array.shape))
    return dict(zip(indices, array.items, strict=True))


def _list_items(value: Any) -> Iterable[tuple[Any, Any]]:
    """Return the (key, value) of a container; of a list of (name, tensor), by these names."""
    if isinstance(value, dict):
        return [(key, _unpair(inner)) for key, inner in value.items()]
    if value and all(_is_pair(inner) for inner in value):
        return list(value)
    return enumerate(value)


def _is_pair(value: Any) -> bool:
    if type(value) is not tuple or len(value) != 2 or not isinstance(value[0], str):
        return False
    return isinstance(value[1], TensorRef | Absent) or (isinstance(value[1], NumpyArray) and value[1].items is None)


def _unpair(value: Any) -> Any:
    """Return the tensor of a pair (name, tensor), as Paddle saves parameters; any other value as it is."""
    return value[1] if _is_pair(value) else value


def _split_module(state: dict[Any, Any]) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Return what a module of PyTorch holds, named and ordered as its state_dict is, and what no state_dict holds."""
    passing = state.get("_non_persistent_buffers_set")
    unsaved = {name for name in passing if isinstance(name, str)} if isinstance(passing, list) else set()
    buffers = state["_buffers"]
    members = dict(state["_parameters"])
    members |= {name: buffer for name, buffer in buffers.items() if name not in unsaved}
    members |= state["_modules"]
    rest = {name: value for name, value in state.items() if name not in (*_MODULE, "training")}
    rest |= {name: buffer for name, buffer in buffers.items() if name in unsaved}
    return members, {name: value for name, value in rest.items() if name not in members}
