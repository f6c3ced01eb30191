"""Reads weights and biases of dense layers from text: rows of numbers, bare or in NumPy's brackets, under headings."""

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cnnkit.exporters.core.faults import fault, faults_of
from cnnkit.exporters.core.layer_lists import fits_layers, name_layers
from cnnkit.exporters.core.printed_matrix import HINT, MARK, describe_cut
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.files.names import printable
from cnnkit.files.regular_file import open_regular
from cnnkit.files.unsafe_file import UnsafeFileError

NAME = "layer-text"
HEADING = re.compile(rb"layer ([0-9]{1,4}) (weights|biases):", re.IGNORECASE)
_NUMBER = re.compile(rb"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?|nan|[-+]?inf")
_MOST_BYTES, _LONGEST_LINE = 64 << 20, 4 << 20
_CUT_SAMPLE = 16_000  # characters from the heading on that tell how a matrix was cut


@dataclass
class _Matrix:
    """The rows under a heading so far, which stands in `line`; `row`: numbers of a row in brackets that is open."""

    name: str
    line: int
    values: "array[float]" = field(default_factory=lambda: array("d"))
    rows: int = 0
    width: int = 0
    row: int = 0

    def add(self, numbers: list[float], closed: bool, line: int) -> None:
        """Add the numbers of a line; closed: they end the row. Raises ValueError for a row of another length."""
        self.values.extend(numbers)
        self.row += len(numbers)
        if not closed or not self.row:
            return
        if self.rows and self.row != self.width:
            raise ValueError(f"line {line}: {self.name}: expected {self.width} numbers in a row, got {self.row}")
        self.rows, self.width, self.row = self.rows + 1, self.row, 0

    def to_tensor(self) -> Tensor:
        """Return the matrix. Raises ValueError where it has no row, or an open one."""
        if not self.rows or self.row:
            got = "an open row" if self.row else "none"
            raise ValueError(f"line {self.line}: {self.name}: expected rows of numbers, got {got}")
        values = np.frombuffer(self.values, np.float64).reshape(self.rows, self.width)
        return Tensor.of(self.name, values)


def read_layer_text(path: Path) -> WeightFile:
    """Return weight and bias of each layer, float64.

    Raises WeightFileError for anything else under the headings, with its line, and for matrices that NumPy cut.
    """
    with faults_of(path, NAME):
        with open_regular(path) as stream:
            content = stream.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise UnsafeFileError(f"more than {_MOST_BYTES} bytes of text", "too_big")
        cut = content.find(MARK.encode())
        if cut >= 0:
            start = max(0, content.rfind(b":", 0, cut))
            sample = content[start : start + _CUT_SAMPLE].decode("utf-8", "replace")
            raise fault(path, describe_cut(sample), format_name=NAME, hint=HINT)
        matrices = list(_read_matrices(content))
        return _build(matrices)


def _build(matrices: list[_Matrix]) -> WeightFile:
    """Return the file of the matrices. Raises ValueError where they are no layers one behind the other."""
    count = max(1, len(matrices) // 2)
    expected = [f"layer {n} {what}" for n in range(1, count + 1) for what in ("weights", "biases")]
    got = [matrix.name for matrix in matrices]
    if got != expected:
        wrong = next(
            (pair for pair in zip(expected, got, strict=False) if pair[0] != pair[1]), (expected[-1], "the end")
        )
        raise ValueError(f"expected {wrong[0]}, got {printable(wrong[1], 60)}")
    tensors = [matrix.to_tensor() for matrix in matrices]
    weights, biases = tensors[::2], tensors[1::2]
    if not fits_layers(weights, biases):
        shapes = ", ".join(f"{tensor.name} {tensor.shape}" for tensor in tensors[:6])
        raise ValueError(
            "expected weights (outputs, inputs), each of as many inputs as the layer before has outputs, and a bias "
            f"for each output, got {shapes}"
        )
    return name_layers(weights, biases)


def _read_matrices(content: bytes) -> Iterator[_Matrix]:
    matrix: _Matrix | None = None
    for number, line in enumerate(_split(content.removeprefix(b"\xef\xbb\xbf")), 1):
        text = line.strip()
        heading = HEADING.fullmatch(text)
        if heading is not None:
            if matrix is not None:
                yield matrix
            matrix = _Matrix(f"layer {int(heading[1])} {heading[2].decode().lower()}", number)
        elif text and matrix is not None:
            _add_line(matrix, text, number)
        elif text:
            raise ValueError(f"line {number}: expected a heading, got {_quote(text)}")
    if matrix is not None:
        yield matrix


def _split(content: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(content):
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        if end - start > _LONGEST_LINE:
            raise UnsafeFileError(f"a line of {end - start} bytes, more than {_LONGEST_LINE}", "too_big")
        yield content[start:end]
        start = end + 1


def _add_line(matrix: _Matrix, text: bytes, number: int) -> None:
    """Add the numbers of a line; in brackets a row ends where one closes, else with the line."""
    bracketed = matrix.row > 0 or text.startswith(b"[")
    words = text.replace(b"[", b" ").replace(b"]", b" ").replace(b",", b" ").split() if bracketed else text.split()
    for word in words:
        if _NUMBER.fullmatch(word) is None:
            raise ValueError(f"line {number}: {matrix.name}: expected a number, got {_quote(word)}")
    matrix.add(list(map(float, words)), not bracketed or text.endswith(b"]"), number)


def _quote(text: bytes) -> str:
    return repr(printable(text[:80].decode("utf-8", "replace"), 40))
