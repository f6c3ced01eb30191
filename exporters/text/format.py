"""Format "txt": cnnkit-text. docs/text-format.md shows how to read it without cnnkit."""

from pathlib import Path
from typing import Any

import numpy as np

from cnnkit.errors import ExportError
from cnnkit.exporters.core.float_types import FLOATS
from cnnkit.exporters.core.format import Format, Priority, changed_value, verify
from cnnkit.exporters.core.number_text.digits import MOST_DIGITS
from cnnkit.exporters.core.number_text.support import list_unsupported
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.exporters.text import grammar
from cnnkit.exporters.text.reader import NAME, ROUNDED, read_text
from cnnkit.exporters.text.writer import write_text


class TextFormat(Format):
    """Exact, readable, editable, comparable line by line; with `precision`, shorter and rounded."""

    name = NAME
    suffixes = (".txt",)
    priority = Priority.SPECIFIC
    description = "every number as text, exactly, with headings for people"
    reads = writes = True
    options = {"precision": f"significant digits, 1 to {MOST_DIGITS}: shorter, and rounded"}  # noqa: RUF012

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002
        """Return whether the first word is the format's name."""
        return head.removeprefix(b"\xef\xbb\xbf").startswith(f"{grammar.FORMAT} ".encode())

    def read(self, path: Path) -> WeightFile:
        """Return the content of a file; `edited` names the tensors that were changed by hand.

        Raises WeightFileError, with the line, for anything that breaks the grammar.
        """
        return read_text(path)

    def write(self, weights: WeightFile, path: Path, **options: Any) -> None:
        """Write `weights`. Raises ExportError for element types and values that the format cannot hold."""
        precision = options.get("precision")
        if precision is not None and (type(precision) is not int or not 1 <= precision <= MOST_DIGITS):
            raise ExportError(f"precision: expected significant digits from 1 to {MOST_DIGITS}, got {precision!r}")
        write_text(weights, path, precision)

    def losses(self, weights: WeightFile) -> tuple[str, ...]:
        """Return a line for each tensor of a type that the format cannot hold."""
        return list_unsupported(weights, grammar.FORMAT)

    def check(self, weights: WeightFile, path: Path) -> None:
        """Read the new file back and compare: bit for bit, or to the digits of a rounded file. Raises ExportError."""
        back = read_text(path)
        digits = None if ROUNDED in weights.metadata else back.metadata.get(ROUNDED)
        if digits is None:
            verify(lambda _: back, weights, path)
            return
        copies = {(tensor.kind, tensor.name): tensor for tensor in back}
        for tensor in weights:
            copy = copies.get((tensor.kind, tensor.name))
            if copy is None or copy.shape != tensor.shape or not _is_close(tensor, copy, digits):
                raise changed_value(tensor.kind, tensor.name)


def _is_close(tensor: Tensor, copy: Tensor, digits: int) -> bool:
    kind = FLOATS.get(tensor.dtype)
    values, read = tensor.read().reshape(-1), copy.read().reshape(-1)
    if kind is None:
        return np.array_equal(values, read)
    values, read = values.view(kind.carrier), read.view(kind.carrier)
    odd = kind.not_finite(values)
    if not np.array_equal(values[odd], read[odd]):
        return False
    exact, rounded = kind.to_float64(values[~odd]), kind.to_float64(read[~odd])
    step = np.spacing(np.abs(exact)) if kind.name == "float64" else kind.to_float64(values[~odd] + 1) - exact
    return bool(np.all(np.abs(rounded - exact) <= np.abs(exact) * 0.5001 * 10.0 ** (1 - digits) + np.abs(step)))
