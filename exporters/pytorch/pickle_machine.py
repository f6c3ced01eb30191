"""Reads a pickle as data: a machine of a few operations, in which names are texts and calls describe tensors."""

import struct
from collections.abc import Callable
from typing import Any, BinaryIO

from cnnkit.exporters.pytorch.symbols import Ordered, Symbol, checked_key, describe_call, describe_storage, resolve
from cnnkit.files.unsafe_file import UnsafeFileError

MOST_OPERATIONS = 600_000  # about 30 per tensor; about a million run per second
_MOST_MARKS = 1000
_LONGEST_TEXT = 1 << 20
_LONGEST_NUMBER = 32  # bytes
_LONGEST_LINE = 512
_NAMES = {
    0x28: "MARK", 0x50: "PERSID", 0x63: "GLOBAL", 0x69: "INST", 0x6F: "OBJ", 0x81: "NEWOBJ", 0x82: "EXT1",
    0x83: "EXT2", 0x84: "EXT4", 0x92: "NEWOBJ_EX", 0x96: "BYTEARRAY8", 0x97: "NEXT_BUFFER",
}  # fmt: skip


def load(stream: BinaryIO) -> Any:
    """Return the content of the pickle that begins here: texts, numbers, tuples, lists, dictionaries, tensors.

    Leaves the stream behind the pickle. Raises UnsafeFileError: "refused" for operations and names that a state_dict
    does not need, "too_big" beyond the limits, "unreadable" for anything but a pickle.
    """
    machine = _Machine(stream)
    try:
        return machine.run()
    except (IndexError, KeyError, struct.error, UnicodeDecodeError) as error:
        raise UnsafeFileError(f"damaged pickle: {type(error).__name__} at operation {machine.count}") from error


class _Machine:
    """A stack, the stacks below open marks, and a memo."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.stack: list[Any] = []
        self._marked: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self.count = 0

    def run(self) -> Any:
        read = self._stream.read
        while (code := read(1)) != b".":
            self.count += 1
            if self.count > MOST_OPERATIONS:
                raise UnsafeFileError(f"a pickle of more than {MOST_OPERATIONS} operations", "too_big")
            if not code:
                raise UnsafeFileError("truncated pickle: it has no end")
            operation = _OPERATIONS.get(code[0])
            if operation is None:
                name = _NAMES.get(code[0], f"{code[0]:#04x}")
                raise UnsafeFileError(f"a pickle with operation {name}: cnnkit runs no code from files", "refused")
            operation(self)
        return self.stack.pop()

    def take(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) != size:
            raise UnsafeFileError("truncated pickle: it has no end")
        return data

    def number(self, layout: str) -> Any:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def line(self) -> str:
        data = self._stream.readline(_LONGEST_LINE)
        if data[-1:] != b"\n":
            raise UnsafeFileError("damaged pickle: a name without an end")
        return data[:-1].decode()

    def text(self, layout: str, encoding: str = "utf-8") -> None:
        size = self.number(layout)
        if size > _LONGEST_TEXT:
            raise UnsafeFileError(f"a pickle with a text of {size} bytes, more than {_LONGEST_TEXT}", "too_big")
        self.stack.append(self.take(size).decode(encoding, "surrogatepass" if encoding == "utf-8" else "strict"))

    def long(self) -> None:
        size = self.number("B")
        if size > _LONGEST_NUMBER:
            raise UnsafeFileError(f"a pickle with a number of {size} bytes", "too_big")
        self.stack.append(int.from_bytes(self.take(size), "little", signed=True))

    def mark(self) -> None:
        if len(self._marked) >= _MOST_MARKS:
            raise UnsafeFileError(f"a pickle with more than {_MOST_MARKS} open marks", "too_big")
        self._marked.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[Any]:
        items, self.stack = self.stack, self._marked.pop()
        return items

    def tuple_since_mark(self) -> None:
        items = tuple(self.since_mark())
        self.stack.append(items)

    def tuple_of(self, size: int) -> None:
        if len(self.stack) < size:
            raise IndexError(size)
        items = tuple(self.stack[-size:])
        self.stack[-size:] = [items]

    def get(self, layout: str) -> None:
        self.stack.append(self._memo[self.number(layout)])

    def put(self, index: int) -> None:
        self._memo[index] = self.stack[-1]

    def memoize(self) -> None:
        self.put(len(self._memo))

    def extend(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise UnsafeFileError("a pickle that appends to something else than a list", "refused")
        self.stack[-1].extend(items)

    def update(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise UnsafeFileError("a pickle that sets an item of something else than a dictionary", "refused")
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[checked_key(key)] = value

    def set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.update([key, value])

    def name(self, symbol: Symbol) -> None:
        self.stack.append(resolve(*symbol))

    def stack_name(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise UnsafeFileError("a pickle with a name that is no text", "refused")
        self.name(Symbol(module, name))

    def reduce(self) -> None:
        arguments, symbol = self.stack.pop(), self.stack.pop()
        self.stack.append(describe_call(symbol, arguments))

    def build(self) -> None:
        """Drop the attributes of an OrderedDict, where torch keeps versions of modules; nothing else may have any."""
        state = self.stack.pop()
        if not isinstance(self.stack[-1], Ordered) or not isinstance(state, dict):
            raise UnsafeFileError("a pickle that sets the attributes of an object", "refused")


def _append(make: Callable[[], Any]) -> Callable[[_Machine], None]:
    return lambda m: m.stack.append(make())


_OPERATIONS: dict[int, Callable[[_Machine], Any]] = {
    0x80: lambda m: m.take(1),  # PROTO
    0x95: lambda m: m.take(8),  # FRAME
    ord("("): _Machine.mark,
    ord("c"): lambda m: m.name(Symbol(m.line(), m.line())),
    0x93: _Machine.stack_name,
    ord("R"): _Machine.reduce,
    ord("b"): _Machine.build,
    ord("Q"): lambda m: m.stack.append(describe_storage(m.stack.pop())),
    ord("N"): _append(lambda: None),
    0x88: _append(lambda: True),
    0x89: _append(lambda: False),
    ord(")"): _append(tuple),
    ord("]"): _append(list),
    ord("}"): _append(dict),
    ord("t"): _Machine.tuple_since_mark,
    0x85: lambda m: m.tuple_of(1),
    0x86: lambda m: m.tuple_of(2),
    0x87: lambda m: m.tuple_of(3),
    ord("a"): lambda m: m.extend([m.stack.pop()]),
    ord("e"): lambda m: m.extend(m.since_mark()),
    ord("s"): _Machine.set_item,
    ord("u"): lambda m: m.update(m.since_mark()),
    ord("K"): lambda m: m.stack.append(m.number("B")),
    ord("M"): lambda m: m.stack.append(m.number("<H")),
    ord("J"): lambda m: m.stack.append(m.number("<i")),
    ord("G"): lambda m: m.stack.append(m.number(">d")),
    0x8A: _Machine.long,
    ord("X"): lambda m: m.text("<I"),
    0x8C: lambda m: m.text("B"),
    ord("U"): lambda m: m.text("B", "latin-1"),
    ord("T"): lambda m: m.text("<I", "latin-1"),
    ord("h"): lambda m: m.get("B"),
    ord("j"): lambda m: m.get("<I"),
    ord("q"): lambda m: m.put(m.number("B")),
    ord("r"): lambda m: m.put(m.number("<I")),
    0x94: _Machine.memoize,
}
