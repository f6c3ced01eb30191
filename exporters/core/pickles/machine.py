"""The parts of the machine that reads a pickle as data: names are texts, calls are descriptions; nothing is run."""

import struct
from collections.abc import Callable
from typing import Any, BinaryIO

from cnnkit.exporters.core.pickles.budget import Budget
from cnnkit.exporters.core.pickles.calls import describe_call
from cnnkit.exporters.core.pickles.encoded_bytes import decode_bytes, unescape
from cnnkit.exporters.core.pickles.joblib_arrays import describe_inline_array, is_wrapper
from cnnkit.exporters.core.pickles.numpy_calls import NumpyArray, NumpyDtype
from cnnkit.exporters.core.pickles.values import Absent, Blob, Opaque, Ordered, Symbol, TensorRef, Unordered, set_items
from cnnkit.files.unsafe_file import UnsafeFileError

_MOST_MARKS = 1000
_LONGEST_TEXT = 1 << 20
_SHORTEST_PLACE = 1 << 10  # fewer bytes are kept, of more their place
_LONGEST_NUMBER = 32  # bytes
_LONGEST_LINE = 512


class PickleMachine:
    """A stack, the stacks below open marks, and a memo, for a stream of `size` bytes.

    load_inner reads a pickle that lies in this one.
    """

    def __init__(self, stream: BinaryIO, size: int, budget: Budget, load_inner: Callable[[BinaryIO], Any]) -> None:
        self._stream, self._size, self._budget, self._load_inner = stream, size, budget, load_inner
        self.stack: list[Any] = []
        self._marked: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def take(self, size: int) -> bytes:
        """Return the next bytes. Raises UnsafeFileError when the file ends."""
        data = self._stream.read(size)
        if len(data) != size:
            raise UnsafeFileError("truncated pickle: it has no end")
        return data

    def number(self, layout: str) -> Any:
        """Return the next number, of a layout of struct."""
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def line(self) -> str:
        """Return a line without its end: a name or a number."""
        data = self._stream.readline(_LONGEST_LINE)
        if data[-1:] != b"\n":
            raise UnsafeFileError("damaged pickle: a name without an end")
        return data[:-1].decode()

    def text(self, layout: str, encoding: str = "utf-8") -> None:
        """Push a text whose length is of `layout`; of a very long one, its place."""
        size = self.number(layout)
        if size > _LONGEST_TEXT:
            self.stack.append(self._skip(size, "raw" if encoding == "latin-1" else "utf-8"))
            return
        self.stack.append(self.take(size).decode(encoding, "surrogatepass" if encoding == "utf-8" else "strict"))

    def long_line(self, form: str) -> None:
        """Push the text of a line: a Python literal in quotes, or with escapes."""
        start = self._stream.tell()
        data = self._stream.readline(_LONGEST_TEXT)
        last = data
        while last and last[-1:] != b"\n":
            last = self._stream.readline(_LONGEST_TEXT)
        if not last:
            raise UnsafeFileError("truncated pickle: it has no end")
        if last is not data:
            self.stack.append(Blob(start, self._stream.tell() - start, form))
        else:
            self.stack.append(decode_bytes(data, form).decode("latin-1") if form == "quoted" else unescape(data))

    def blob(self, layout: str) -> None:
        """Push bytes whose length is of `layout`; of many, their place."""
        size = self.number(layout)
        if size < _SHORTEST_PLACE:
            self.stack.append(Blob(self._stream.tell(), size, data=self.take(size)))
        else:
            self.stack.append(self._skip(size, "raw"))

    def _skip(self, size: int, form: str) -> Blob:
        start = self._stream.tell()
        if start + size > self._size:
            raise UnsafeFileError(f"truncated pickle: {size} bytes expected at {start}, {self._size - start} stored")
        self._stream.seek(start + size)
        return Blob(start, size, form)

    def long(self, layout: str) -> None:
        """Push a whole number of so many bytes."""
        size = self.number(layout)
        if not 0 <= size <= _LONGEST_NUMBER:
            raise UnsafeFileError(f"a pickle with a number of {size} bytes", "too_big")
        self.stack.append(int.from_bytes(self.take(size), "little", signed=True))

    def number_line(self) -> None:
        """Push a whole number in digits; protocol 0 writes truth values as 00 and 01."""
        text = self.line().removesuffix("L")
        if len(text) > 100 or not text.removeprefix("-").isdecimal():
            raise UnsafeFileError("damaged pickle: a number that is none")
        self.stack.append({"00": False, "01": True}[text] if text in {"00", "01"} else int(text))

    def float_line(self) -> None:
        """Push a number with a fraction, in digits."""
        text = self.line()
        try:
            self.stack.append(float(text))
        except ValueError:
            raise UnsafeFileError("damaged pickle: a number that is none") from None

    def mark(self) -> None:
        """Begin a stack of its own."""
        if len(self._marked) >= _MOST_MARKS:
            raise UnsafeFileError(f"a pickle with more than {_MOST_MARKS} open marks", "too_big")
        self._marked.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[Any]:
        """Return what was pushed since the last mark."""
        items, self.stack = self.stack, self._marked.pop()
        return items

    def make_since_mark(self, kind: Callable[[list[Any]], Any]) -> None:
        """Push a container of what was pushed since the last mark."""
        items = kind(self.since_mark())
        self.stack.append(items)

    def tuple_of(self, size: int) -> None:
        """Push a tuple of the topmost values."""
        if len(self.stack) < size:
            raise IndexError(size)
        items = tuple(self.stack[-size:])
        self.stack[-size:] = [items]

    def pop(self) -> None:
        """Drop the topmost value, or the topmost mark when nothing lies on it."""
        if self.stack:
            self.stack.pop()
        else:
            self.since_mark()

    def get(self, index: int) -> None:
        """Push a value of the memo."""
        self.stack.append(self._memo[index])

    def put(self, index: int) -> None:
        """Keep the topmost value in the memo."""
        self._memo[index] = self.stack[-1]

    def memoize(self) -> None:
        """Keep the topmost value in the memo, at the next place."""
        self.put(len(self._memo))

    def index_line(self) -> int:
        """Return a place in the memo, in digits."""
        text = self.line()
        if not text.isdecimal() or len(text) > 10:
            raise UnsafeFileError("damaged pickle: a place in the memo that is no number")
        return int(text)

    def extend(self, items: list[Any]) -> None:
        """Append to the topmost list or object."""
        target = self.stack[-1]
        if isinstance(target, Opaque):
            target = target.elements
        if not isinstance(target, list):
            raise UnsafeFileError("a pickle that appends to something else than a list", "refused")
        target.extend(items)

    def update(self, items: list[Any]) -> None:
        """Set items, key and value in turn, of the topmost dictionary or object."""
        target = self.stack[-1]
        if isinstance(target, Opaque):
            target = target.items
        if not isinstance(target, dict) or len(items) % 2:
            raise UnsafeFileError("a pickle that sets an item of something else than a dictionary", "refused")
        set_items(target, list(zip(items[::2], items[1::2], strict=True)))

    def set_item(self) -> None:
        """Set one item."""
        value, key = self.stack.pop(), self.stack.pop()
        self.update([key, value])

    def stack_name(self) -> None:
        """Push a name of which the parts were pushed."""
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise UnsafeFileError("a pickle with a name that is no text", "refused")
        self.stack.append(Symbol(module, name))

    def call(self, symbol: Any, arguments: Any) -> None:
        """Push what a call makes, described."""
        self._budget.count_arguments(arguments)
        self.stack.append(describe_call(symbol, arguments, self._stream, self._load_inner))

    def reduce(self) -> None:
        """Push what the pushed name makes of the pushed arguments."""
        arguments, symbol = self.stack.pop(), self.stack.pop()
        self.call(symbol, arguments)

    def new_with_keywords(self) -> None:
        """Push what a class makes of arguments and keywords."""
        keywords, arguments, symbol = self.stack.pop(), self.stack.pop(), self.stack.pop()
        if not isinstance(arguments, tuple):
            raise UnsafeFileError("a pickle that makes an object of something else than arguments", "refused")
        self.call(symbol, (*arguments, keywords) if keywords else arguments)

    def new_since_mark(self) -> None:
        """Push what a class makes of arguments, all pushed since the last mark."""
        items = self.since_mark()
        self.call(items[0], tuple(items[1:]))

    def new_of_line(self) -> None:
        """Push what a class, named in two lines, makes of what was pushed since the last mark."""
        symbol = Symbol(self.line(), self.line())
        self.call(symbol, tuple(self.since_mark()))

    def build(self) -> None:
        """Give an object its state: a description gets another part, nothing is set."""
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, NumpyArray | NumpyDtype):
            target.build(state)
        elif isinstance(target, Opaque):
            target.state = state
            if is_wrapper(target):
                self.stack[-1] = describe_inline_array(target, self._stream, self._size, self._load_inner)
        elif not isinstance(target, Ordered | Unordered | TensorRef | Absent | Symbol):
            raise UnsafeFileError("a pickle that sets the attributes of a plain value", "refused")
