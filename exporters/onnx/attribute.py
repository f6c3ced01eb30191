"""AttributeProto, parsed: lists of numbers and tensors that a node carries itself, some of which are weights."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from cnnkit.exporters.core.protobuf_head import BYTES
from cnnkit.exporters.onnx.sparse_tensor import parse_sparse
from cnnkit.exporters.onnx.tensor_proto import NumberFields, StoredTensor, parse_tensor
from cnnkit.exporters.onnx.wire import OBJECT, RUN_OF, Field, Source, raise_damaged, to_signed

_NONE: frozenset[int] = frozenset()
_FLOAT = NumberFields(frozenset((2, 7)), _NONE, _NONE)
_INTEGER = NumberFields(_NONE, _NONE, frozenset((3, 8)))
_ONE, _LISTS, _TENSORS, _GRAPHS, _SPARSE = (2, 3), (7, 8), (5, 10), (6, 11), (22, 23)
_TEXTS = (4, 9)


@dataclass(slots=True)
class AttributeProto:
    """An attribute: its name, and what of it there is. number: a whole number; texts: how many texts.

    single     a number as a tensor without axes
    stored     lists of numbers and tensors
    integers   whether `stored` is a list of whole numbers
    graphs     the fields of graphs
    """

    name: str = ""
    number: int | None = None
    single: StoredTensor | None = None
    stored: list[StoredTensor] = field(default_factory=list)
    integers: bool = False
    graphs: list[Field] = field(default_factory=list)
    texts: int = 0


def parse_attribute(source: Source, whole: Field) -> AttributeProto:
    """Return an attribute. Raises UnsafeFileError when it is damaged."""
    if whole.wire != BYTES:
        raise_damaged(f"field {whole.number} is not a message", whole.start)
    attribute, counts = AttributeProto(), dict.fromkeys(_LISTS, 0)
    span = whole.start, whole.stop
    source.count(OBJECT)
    for part in source.fields(*span, runs=True):
        if part.number == 1:
            attribute.name = source.text(part)
        elif part.number in _ONE:
            kind, fields = ("float32", _FLOAT) if part.number == 2 else ("int64", _INTEGER)
            attribute.single = StoredTensor("", (), kind, span, typed=1, fields=fields)
            if part.number == 3:
                attribute.number = to_signed(part.value)
        elif part.number in _LISTS:
            counts[part.number] += _count(source, part)
        elif part.number in _TENSORS:
            attribute.stored.append(parse_tensor(source, part))
        elif part.number in _SPARSE:
            attribute.stored.append(parse_sparse(source, part))
        elif part.number in _GRAPHS:
            attribute.graphs.append(part)
        attribute.texts += part.number in _TEXTS
    attribute.stored += _list_numbers(counts, span)
    attribute.integers = counts[8] > 0
    return attribute


def _list_numbers(counts: dict[int, int], span: tuple[int, int]) -> Iterator[StoredTensor]:
    for number, kind, fields in ((7, "float32", _FLOAT), (8, "int64", _INTEGER)):
        if counts[number]:
            yield StoredTensor("", (counts[number],), kind, span, typed=counts[number], fields=fields)


def _count(source: Source, part: Field) -> int:
    """Return how many numbers a field of a list holds, packed or not."""
    if part.wire != BYTES:
        return part.value if part.wire in RUN_OF.values() else 1
    return (part.stop - part.start) // 4 if part.number == 7 else sum(1 for _ in source.varints(part))
