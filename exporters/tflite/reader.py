"""Reads the constants of a TensorFlow Lite model in the order in which its operators use them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.faults import faults_of
from cnnkit.exporters.core.file_values import FileValues
from cnnkit.exporters.core.weight_file import NotRead, Tensor, WeightFile, numbered_axes
from cnnkit.exporters.tflite.flatbuffer import Flatbuffer, Span
from cnnkit.exporters.tflite.model import LiteModel, LiteTensor, Subgraph, parse_model
from cnnkit.exporters.tflite.usage import LiteUse, find_uses, interpret_use, name_operator
from cnnkit.files.extents import count_bytes
from cnnkit.files.names import printable
from cnnkit.files.stored_file import StoredFile
from cnnkit.files.unsafe_file import UnsafeFileError

NAME = "tflite"
_TYPES = {
    0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16", 8: "complex64", 9: "int8",
    10: "float64", 11: "complex128", 12: "uint64", 15: "uint32", 16: "uint16", 18: "bfloat16", 21: "float8_e4m3fn",
    22: "float8_e5m2",
}  # fmt: skip
_TEXTS = 5
_OTHER_TYPES = {_TEXTS: "texts", 13: "a resource", 14: "a variant", 17: "int4", 19: "int2", 20: "uint4"}
_FREE_BYTES, _LARGEST_RATIO = 64 << 20, 16  # bytes of all tensors, of which many may have the same buffer
_DETAILS = {1: "custom", 2: "blockwise", 3: "of several axes"}


class _Listed(NamedTuple):
    """A constant with its name in the file as a whole, and its first use."""

    name: str
    layer: str
    stored: LiteTensor
    use: LiteUse | None


def read_tflite(path: Path) -> WeightFile:
    """Return the constants of all graphs; values are read later. Raises WeightFileError when the file is damaged."""
    with faults_of(path, NAME):
        file = StoredFile(path)
        with file.open() as stream:
            model = parse_model(Flatbuffer(stream, file.size))
        builder = _Builder(file)
        for listed in _list_constants(model):
            builder.add(listed)
    not_read = [*builder.not_read, *_describe_rest(model)]
    about = _describe_model(model) | ({"quantization": builder.quantization} if builder.quantization else {})
    return WeightFile(tuple(builder.tensors), None, {NAME: about}, not_read=tuple(not_read), file=str(path))


def _list_constants(model: LiteModel) -> Iterator[_Listed]:
    names: set[str] = set()
    same: dict[str, int] = {}
    for number, graph in enumerate(model.subgraphs):
        uses = find_uses(graph)
        layers = _name_layers(graph, uses)
        prefix = f"{graph.name or number}/" if number else ""

        def order(index: int, uses: dict[int, LiteUse] = uses) -> tuple[float, int]:
            return (uses[index].position, uses[index].slot) if index in uses else (float("inf"), index)

        for index in sorted(graph.constants, key=order):
            stored = graph.constants[index]
            name = prefix + (stored.name or f"tensor{index}")
            if name in names:
                name = f"{name}#{index}"
            same[name] = same.get(name, 0) + 1
            if name in names:
                name = f"{name}#{same[name]}"
            while name in names:
                name += "'"
            names.add(name)
            use = uses.get(index)
            layer = prefix + layers[use.position] if use else name.rpartition("/")[0] or name
            yield _Listed(name, layer, stored, use)


def _name_layers(graph: Subgraph, uses: dict[int, LiteUse]) -> dict[int, str]:
    """Return {position of an operator: its layer}: the folder of its weight's name where no other operator has it."""
    layers: dict[int, str] = {}
    taken: set[str] = set()
    for index, use in sorted(uses.items(), key=lambda item: (item[1].position, item[1].slot)):
        if use.position not in layers:
            folder = graph.names[index].partition(";")[0].rpartition("/")[0]
            layer = folder if folder and folder not in taken else name_operator(use)
            layers[use.position] = layer
            taken.add(layer)
    return layers


class _Builder:
    """Makes tensors of constants, and collects what is not read.

    Raises UnsafeFileError for tensors that take much more than the file, as many of one buffer may.
    """

    def __init__(self, file: StoredFile) -> None:
        self._file = file
        self.tensors: list[Tensor] = []
        self.not_read: list[NotRead] = []
        self.quantization: dict[str, Any] = {}
        self._first: dict[tuple[str, str, Span], str] = {}
        self._bytes = 0

    def add(self, listed: _Listed) -> None:
        """Add a constant. Raises ValueError when its bytes do not fit its shape."""
        name, stored, dtype = listed.name, listed.stored, _TYPES.get(listed.stored.code)
        if stored.problem is not None or dtype is None:
            reason = stored.problem or f"element type {_OTHER_TYPES.get(stored.code, stored.code)} is not read"
            self.not_read.append(NotRead(f"{printable(name)} {stored.shape}", 1, reason, stored.code != _TEXTS))
            return
        need = count_bytes(stored.shape, carrier(dtype).itemsize)
        if need != stored.data.size:
            where = f"tensor {printable(name)}: {dtype} {stored.shape}"
            raise ValueError(f"{where} takes {need} bytes, its buffer has {stored.data.size}")
        role, axes = interpret_use(listed.use, len(stored.shape))
        trained = role != "other" or "float" in dtype or stored.quantization is not None
        kind = "parameter" if trained else "other"
        axes = axes or numbered_axes(len(stored.shape))
        self._append(name, listed.layer, kind, role, axes, dtype, stored.shape, stored.data)
        if stored.quantization is not None:
            self._add_quantization(listed, axes)

    def _add_quantization(self, listed: _Listed, axes: tuple[str, ...]) -> None:
        """Add the scales, and the zero points where they are not 0, as tensors named after the quantised one."""
        stored = listed.stored.quantization
        assert stored is not None  # noqa: S101 (for the type checker: only called with one)
        count, about = stored.scales.size // 4, dict[str, Any]()
        per_axis = count > 1 and 0 <= stored.axis < len(axes)
        axis = (axes[stored.axis] if per_axis and not axes[stored.axis].isdigit() else "0",)
        parts = [("scale", "float32", stored.scales, 4)] if stored.scales.size else []
        parts += [("zero_point", "int64", stored.zero_points, 8)] if stored.zero_points else []
        for part, dtype, span, size in parts:
            about[part] = f"{listed.name}.{part}"
            self._append(about[part], listed.layer, "other", "other", axis, dtype, (span.size // size,), span)
        about |= {"zero_point": 0} if stored.zero_points is None else {}
        about |= {"axis": stored.axis} if per_axis else {}
        about |= {"details": _DETAILS.get(stored.details, stored.details)} if stored.details else {}
        self.quantization[listed.name] = about

    def _append(
        self, name: str, layer: str, kind: str, role: str, axes: tuple[str, ...], dtype: str, shape: Any, data: Span
    ) -> None:
        self._bytes += data.size
        if self._bytes > _FREE_BYTES + _LARGEST_RATIO * self._file.size:
            raise UnsafeFileError(f"tensors of {self._bytes} bytes and more in a file of {self._file.size}", "too_big")
        first = self._first.setdefault((kind, dtype, data), name) if data.size else name
        shares = None if first == name else first
        values = FileValues(self._file, NAME, name, data.start, data.size, dtype, tuple(shape))
        self.tensors.append(Tensor(name, layer, kind, role, axes, dtype, shape, values.read, values.stream, shares))


def _describe_model(model: LiteModel) -> dict[str, Any]:
    main = model.subgraphs[0] if model.subgraphs else None
    about: dict[str, Any] = {"description": model.description, "subgraphs": [graph.name for graph in model.subgraphs]}
    if main is not None:
        for word, indices in (("inputs", main.inputs), ("outputs", main.outputs)):
            about[word] = [main.names[index] for index in indices if 0 <= index < len(main.names)]
    return about


def _describe_rest(model: LiteModel) -> Iterator[NotRead]:
    for name, count in model.custom.items():
        yield NotRead(f"data of operator {printable(name)}", count, "an operator by others, whose data only they know")
    if model.documents:
        names = printable(", ".join(model.documents))
        yield NotRead(f"metadata: {names}", len(model.documents), "documents of the converter", weights=False)
