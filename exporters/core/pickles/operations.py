"""Reads a pickle as data: its operations, one by one."""

import io
import struct
from collections.abc import Callable
from typing import Any, BinaryIO

from cnnkit.exporters.core.pickles.budget import Budget
from cnnkit.exporters.core.pickles.machine import PickleMachine
from cnnkit.exporters.core.pickles.torch_calls import describe_persistent
from cnnkit.exporters.core.pickles.values import Absent, Ordered, Storage, Symbol, Unordered, set_items
from cnnkit.files.unsafe_file import UnsafeFileError

_DEEPEST = 3  # pickles in a pickle


def load(stream: BinaryIO, depth: int = 0, storages: list[Storage] | None = None, budget: Budget | None = None) -> Any:
    """Return the content of the pickle that begins here: texts, numbers, containers, tensors, opaque objects.

    Leaves the stream behind the pickle. Places of bytes count from the start of the stream.
    depth     how many pickles this one lies in
    storages  gets all storages that the pickle mentions
    budget    that of the pickle around this one
    Raises UnsafeFileError: "refused" for what contradicts itself, "too_big" beyond the limits, "unreadable" for
    anything but a pickle.
    """
    if depth > _DEEPEST:
        raise UnsafeFileError(f"more than {_DEEPEST} pickles in each other", "too_big")
    here = stream.tell()
    size = stream.seek(0, io.SEEK_END)
    stream.seek(here)
    shared = Budget(size) if budget is None else budget
    machine = PickleMachine(stream, size, shared, lambda inner: load(inner, depth + 1, budget=shared))
    try:
        while (code := stream.read(1)) != b".":
            shared.count_operation()
            if not code:
                raise UnsafeFileError("truncated pickle: it has no end")
            operation = _OPERATIONS.get(code[0])
            if operation is None:
                raise UnsafeFileError(f"damaged pickle: operation {code[0]:#04x} does not exist")
            operation(machine)
            if code == b"Q" and storages is not None and isinstance(machine.stack[-1], Storage):
                storages.append(machine.stack[-1])
        return machine.stack.pop()
    except (IndexError, KeyError, struct.error, UnicodeError) as error:
        raise UnsafeFileError(f"damaged pickle: {type(error).__name__} at byte {stream.tell()}") from error


def _append(make: Callable[[], Any]) -> Callable[[PickleMachine], None]:
    return lambda m: m.stack.append(make())


def _extension(layout: str) -> Callable[[PickleMachine], None]:
    return lambda m: m.stack.append(Symbol("copyreg", f"extension {m.number(layout)}"))


def _pair(items: list[Any]) -> dict[Any, Any]:
    made = Ordered()
    if len(items) % 2:
        raise IndexError(len(items))
    set_items(made, list(zip(items[::2], items[1::2], strict=True)))
    return made


_OPERATIONS: dict[int, Callable[[PickleMachine], Any]] = {
    0x80: lambda m: m.take(1),  # PROTO
    0x95: lambda m: m.take(8),  # FRAME
    ord("("): PickleMachine.mark,
    ord("0"): PickleMachine.pop,
    ord("1"): PickleMachine.since_mark,
    ord("2"): lambda m: m.stack.append(m.stack[-1]),
    ord("c"): lambda m: m.stack.append(Symbol(m.line(), m.line())),
    0x93: PickleMachine.stack_name,
    0x82: _extension("B"),
    0x83: _extension("<H"),
    0x84: _extension("<I"),
    ord("R"): PickleMachine.reduce,
    0x81: PickleMachine.reduce,  # NEWOBJ: what a class makes is described as a call of it
    0x92: PickleMachine.new_with_keywords,
    ord("o"): PickleMachine.new_since_mark,
    ord("i"): PickleMachine.new_of_line,
    ord("b"): PickleMachine.build,
    ord("Q"): lambda m: m.stack.append(describe_persistent(m.stack.pop())),
    ord("P"): lambda m: m.stack.append(describe_persistent(m.line())),
    ord("N"): _append(lambda: None),
    0x88: _append(lambda: True),
    0x89: _append(lambda: False),
    ord(")"): _append(tuple),
    ord("]"): _append(list),
    ord("}"): _append(dict),
    0x8F: _append(Unordered),
    ord("t"): lambda m: m.make_since_mark(tuple),
    ord("l"): lambda m: m.make_since_mark(list),
    ord("d"): lambda m: m.make_since_mark(_pair),
    0x91: lambda m: m.make_since_mark(Unordered),
    0x85: lambda m: m.tuple_of(1),
    0x86: lambda m: m.tuple_of(2),
    0x87: lambda m: m.tuple_of(3),
    ord("a"): lambda m: m.extend([m.stack.pop()]),
    ord("e"): lambda m: m.extend(m.since_mark()),
    0x90: lambda m: m.extend(m.since_mark()),
    ord("s"): PickleMachine.set_item,
    ord("u"): lambda m: m.update(m.since_mark()),
    ord("I"): PickleMachine.number_line,
    ord("L"): PickleMachine.number_line,
    ord("F"): PickleMachine.float_line,
    ord("K"): lambda m: m.stack.append(m.number("B")),
    ord("M"): lambda m: m.stack.append(m.number("<H")),
    ord("J"): lambda m: m.stack.append(m.number("<i")),
    ord("G"): lambda m: m.stack.append(m.number(">d")),
    0x8A: lambda m: m.long("B"),
    0x8B: lambda m: m.long("<i"),
    ord("S"): lambda m: m.long_line("quoted"),
    ord("V"): lambda m: m.long_line("escaped"),
    ord("X"): lambda m: m.text("<I"),
    0x8C: lambda m: m.text("B"),
    0x8D: lambda m: m.text("<Q"),
    ord("U"): lambda m: m.text("B", "latin-1"),
    ord("T"): lambda m: m.text("<I", "latin-1"),
    ord("C"): lambda m: m.blob("B"),
    ord("B"): lambda m: m.blob("<I"),
    0x8E: lambda m: m.blob("<Q"),
    0x96: lambda m: m.blob("<Q"),
    0x97: _append(lambda: Absent("its values are in a buffer outside of the file")),
    0x98: lambda m: m.stack[-1],  # READONLY_BUFFER
    ord("g"): lambda m: m.get(m.index_line()),
    ord("h"): lambda m: m.get(m.number("B")),
    ord("j"): lambda m: m.get(m.number("<I")),
    ord("p"): lambda m: m.put(m.index_line()),
    ord("q"): lambda m: m.put(m.number("B")),
    ord("r"): lambda m: m.put(m.number("<I")),
    0x94: PickleMachine.memoize,
}
