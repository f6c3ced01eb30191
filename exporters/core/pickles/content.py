"""What the content of a pickle comes to: named tensors, plain values beside them, and what was not read."""

import re
from collections import Counter
from typing import Any, NamedTuple

from cnnkit.exporters.core.pickles.values import Absent, Opaque, Symbol, TensorRef
from cnnkit.exporters.core.weight_file import NotRead
from cnnkit.files.names import printable

_TYPES = re.compile(r"q?u?(int|float|bfloat|complex)[0-9x_a-z]+|bool|strided|per_\w+_affine")
_MOST_VALUES, _LONGEST_TEXT, _MOST_LINES = 2000, 1000, 20
_OBJECT = "an object, whose code is not run: its tensors are read where they are plain"
_MODEL = (
    "a whole model, whose code is not run: its tensors are read; "
    "torch.save(model.state_dict(), FILE) makes a file that needs no code"
)
_SCRIPT = "a program of TorchScript: its tensors are read, its code is not"
_ESTIMATOR = "an estimator of scikit-learn, whose code is not run: its arrays are read where they are plain"


class NamedRef(NamedTuple):
    """A tensor, its name, and its owner: "net", "optimizer" or "other"."""

    name: str
    owner: str
    tensor: TensorRef


class Content:
    """Collects what a walk through a pickle's content finds.

    tensors, values  {name: number or text}
    quantised        {name of a tensor of integers: how they stand for numbers}
    """

    def __init__(self) -> None:
        self.tensors: list[NamedRef] = []
        self.values: dict[str, Any] = {}
        self.quantised: dict[str, Any] = {}
        self.objects: Counter[tuple[str, str, bool]] = Counter()
        self.wrapper: str | None = None
        self.unread_bytes = 0  # values met so far in which weights may be encoded
        self._names: Counter[tuple[str, str]] = Counter()
        self._absent: list[tuple[str, Absent]] = []
        self._others: Counter[str] = Counter()

    def add_tensor(self, name: str, owner: str, tensor: TensorRef) -> None:
        """Take a tensor; of two with one name, the second gets a number."""
        self._names[owner, name] += 1
        if self._names[owner, name] > 1:
            name = f"{name} #{self._names[owner, name]}"
            self._names[owner, name] += 1
        self.tensors.append(NamedRef(name, owner, tensor))
        if tensor.quantizer is not None:
            scheme, scale, zero_point, axis = tensor.quantizer
            self.quantised[name] = {"scheme": scheme} | ({} if axis is None else {"axis": axis})
            other = "other" if owner == "net" else owner
            self.add_tensor(f"{name}.scale", other, scale)
            self.add_tensor(f"{name}.zero_point", other, zero_point)

    def add_absent(self, name: str, absent: Absent) -> None:
        """Take a tensor that has no values."""
        self._absent.append((name, absent))

    def add_object(self, value: Opaque | Symbol, model: bool = False, lacking: bool = False) -> None:
        """Take an object that only code could make, or a name of code; lacking: it holds bytes that were not read."""
        symbol = value if isinstance(value, Symbol) else value.symbol
        if symbol.module.startswith("__torch__"):
            reason = _SCRIPT
        elif model:
            reason = _MODEL
        else:
            reason = _ESTIMATOR if symbol.module.partition(".")[0] == "sklearn" else _OBJECT
        self.objects[str(symbol), reason, lacking] += 1

    def add_value(self, name: str, value: Any) -> None:
        """Take anything else: a number or text is kept, the rest counted."""
        if isinstance(value, Symbol) and value.module == "torch" and _TYPES.fullmatch(value.name):
            self.add_value(name, str(value))
        elif isinstance(value, Symbol):
            self.add_object(value)
        elif _is_plain(value) and len(self.values) < _MOST_VALUES:
            self.values[name] = value
        else:
            self._others["more values beside the tensors" if _is_plain(value) else _name_kind(value)] += 1

    def list_not_read(self) -> tuple[NotRead, ...]:
        """Return what was found and not read, in at most some 60 lines."""
        lines = [
            NotRead(f"tensor {printable(name, 60)}".strip(), 1, absent.reason, absent.weights)
            for name, absent in self._absent[:_MOST_LINES]
        ]
        if len(self._absent) > _MOST_LINES:
            lines.append(NotRead("more tensors", len(self._absent) - _MOST_LINES, "they have no values either"))
        objects = self.objects.most_common()
        lines += [NotRead(name, count, reason, lacking) for (name, reason, lacking), count in objects[:_MOST_LINES]]
        if len(objects) > _MOST_LINES:
            rest = objects[_MOST_LINES:]
            lacking = any(key[2] for key, _ in rest)
            lines.append(NotRead("objects of other classes", sum(n for _, n in rest), _OBJECT, lacking))
        reason = "not a tensor, and no short text or finite number"
        others = sorted(self._others.items())
        return (*lines, *(NotRead(kind, count, reason, kind.endswith(" storage")) for kind, count in others))


def _is_plain(value: Any) -> bool:
    if isinstance(value, float):
        return value - value == 0  # JSON has neither NaN nor infinities
    if isinstance(value, str):
        return len(value) <= _LONGEST_TEXT
    return value is None or isinstance(value, bool) or (isinstance(value, int) and -(1 << 63) <= value < 1 << 64)


def _name_kind(value: Any) -> str:
    kinds = {"Blob": "bytes", "Unordered": "set", "Storage": "storage", "NumpyDtype": "numpy.dtype", "float": "float"}
    return f"value of type {kinds.get(type(value).__name__, type(value).__name__)}"
