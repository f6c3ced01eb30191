"""Text of the picture: names made safe, numbers formatted, widths estimated, lines broken."""

import math
import unicodedata

from cnnkit.files.names import printable

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_NARROW, _MIDDLE, _WIDE = "iljI.,:;'|![] ", 'frt()-/\\"', "mwMW@%→−×±≥"


def make_safe(name: object, limit: int = 60) -> str:
    """Return a name from a file as printable text. Every text that a file brings into the picture passes here."""
    return printable(str(name), limit)


def measure(text: str, size: float = 12, bold: bool = False) -> float:
    """Return an upper bound for the width of `text` in px in the usual sans-serif fonts (DejaVu Sans is the widest)."""
    return size * sum(map(_measure_character, text)) * (1.1 if bold else 1.0)


def _measure_character(character: str) -> float:
    if character in _NARROW:
        return 0.39
    if character in _MIDDLE:
        return 0.46
    if character in _WIDE or character.isupper():
        return 0.95 if character in _WIDE else 0.78
    if unicodedata.east_asian_width(character) in "WF":
        return 1.2
    return 0.64 if character.isascii() else 0.9


def wrap(words: list[str], joint: str, room: float) -> list[str]:
    """Return words joined to lines of at most `room` px; every line but the last ends with the joint."""
    lines, line = [], ""
    for word in words:
        longer = f"{line}{joint}{word}" if line else word
        if line and measure(longer + joint) > room:
            lines.append(f"{line}{joint}".rstrip())
            longer = word
        line = longer
    return [*(cut(text, room) for text in lines), cut(line, room)]


def cut(text: str, room: float, size: float = 12, bold: bool = False) -> str:
    """Return `text`; where it is wider than `room` px, its beginning with an ellipsis."""
    if measure(text, size, bold) <= room:
        return text
    while text and measure(text + "…", size, bold) > room:
        text = text[:-1]
    return text + "…"


def format_signed(value: float, plus: bool = True) -> str:
    """Return a number in three significant digits with a true minus sign."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+∞" if value > 0 else "−∞"
    sign = "+" if plus and value else ""
    if 0.001 <= abs(value) < 99:
        text = f"{value:{sign}.{2 if abs(value) >= 1 else 3}f}"
    else:
        text = f"{value:{sign}.3g}" if abs(value) < 100_000 and abs(value) >= 1 else f"{value:{sign}.2g}"
    return text.replace("-", "−").replace("e+0", "e").replace("e−0", "e−")


def format_alike(value: float, largest: float) -> str:
    """Return a number with the decimals that give `largest`, the largest magnitude beside it, three digits."""
    if not math.isfinite(value) or not value or not 0.001 <= largest < 1000:
        return format_signed(value)
    return f"{value:+.{2 - math.floor(math.log10(largest))}f}".replace("-", "−")


def format_shape(shape: tuple[int, ...]) -> str:
    """Return a shape as text: 8×26×26."""
    return "×".join(map(str, shape)) if shape else "one number"


class CellNumbers:
    """Numbers of at most five characters for cells: two decimals, of a tensor scaled by a power of ten where needed."""

    def __init__(self, largest: float) -> None:
        power = math.floor(math.log10(largest)) if largest > 0 and math.isfinite(largest) else 0
        self.power = power if power < -1 or power > 2 else 0

    def text(self, value: float) -> str:
        """Return the number in a cell."""
        if not math.isfinite(value):
            return "NaN" if math.isnan(value) else ""
        scaled = value / 10.0**self.power
        decimals = 2 if abs(scaled) < 9.995 else 1 if abs(scaled) < 99.95 else 0
        text = f"{scaled:.{decimals}f}"
        return "0" if value == 0 else text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")

    def note(self) -> str:
        """Return the factor of the numbers, "×10⁻²", or nothing."""
        return f"×10{str(self.power).translate(_RAISED)}" if self.power else ""
