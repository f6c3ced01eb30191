"""A thin layer over svgwrite: elements by position and class, groups small enough for every renderer, the page."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from xml.etree import ElementTree

import svgwrite  # type: ignore[import-untyped]
from svgwrite.base import BaseElement  # type: ignore[import-untyped]

from cnnkit.files.names import escape_hidden

MARGIN = 24
WIDTH = 1240
ROOM = WIDTH - 2 * MARGIN
LABEL = 118  # px for the words at the left of a tensor
CHILDREN = 200  # time to open grows with the square of siblings

Element = Any  # svgwrite has no types


class Cells(NamedTuple):
    """How cells lie: `columns` in a row, each w by h px."""

    columns: int
    w: float
    h: float

    def extent(self, count: int) -> tuple[float, float]:
        """Return (width, height) in px of `count` cells."""
        return min(count, self.columns) * self.w, -(-count // self.columns) * self.h


class Canvas:
    """Makes SVG elements. debug: check each against the SVG standard, which takes more than twice the time."""

    def __init__(self, debug: bool = False) -> None:
        self.drawing = svgwrite.Drawing(debug=debug, profile="full")

    def rect(self, x: float, y: float, w: float, h: float, name: str, title: str | None = None, **more: Any) -> Element:
        """Return a rectangle."""
        return _add_title(self.drawing.rect((x, y), (w, h), class_=name, **more), title)

    def path(self, d: str, name: str, title: str | None = None, **more: Any) -> Element:
        """Return a path."""
        return _add_title(self.drawing.path(d, class_=name, **more), title)

    def circle(self, x: float, y: float, r: float, name: str) -> Element:
        """Return a circle."""
        return self.drawing.circle((x, y), r, class_=name)

    def text(self, x: float, y: float, words: str, name: str | None = None) -> Element:
        """Return text, its baseline at y."""
        return self.drawing.text(escape_hidden(words), (x, y), **({"class_": name} if name else {}))

    def image(self, x: float, y: float, w: float, h: float, uri: str, title: str, name: str = "i") -> Element:
        """Return an image, stretched to w by h px; of class "i" it is a heat map, which is brighter in dark."""
        return _add_title(self.drawing.image(uri, (x, y), (w, h), class_=name, preserveAspectRatio="none"), title)

    def group(self, children: Sequence[Element], name: str | None = None, **more: Any) -> Element:
        """Return a group; more than `CHILDREN` elements become nested groups."""
        parts = list(children)
        while len(parts) > CHILDREN:
            parts = [self.group(parts[i : i + CHILDREN]) for i in range(0, len(parts), CHILDREN)]
        group = self.drawing.g(**({"class_": name} if name else {}), **more)
        for part in parts:
            group.add(part)
        return group

    def page(
        self,
        title: str,
        description: str,
        style: str,
        body: Sequence[Element],
        size: tuple[int, int],
        data: ElementTree.Element | None = None,
    ) -> str:
        """Return the whole file. size: width and height in px; data: metadata."""
        drawing = self.drawing
        drawing["width"], drawing["height"] = size
        drawing.viewbox(0, 0, *size)
        drawing["class"] = "cnnkit-svg"
        drawing.set_desc(escape_hidden(title), escape_hidden(description, keep="\n"))
        if data is not None:
            drawing.set_metadata(data)
        drawing.defs.add(drawing.style(style))
        pattern = drawing.pattern((0, 0), (4, 4), id="nan", patternUnits="userSpaceOnUse")
        pattern.add(drawing.rect((0, 0), (4, 4), fill="#f6d5f6"))
        pattern.add(drawing.path("M-1 1L1 -1M0 4L4 0M3 5L5 3", stroke="#b700b7", stroke_width=1.4))
        drawing.defs.add(pattern)
        drawing.add(drawing.rect((0, 0), ("100%", "100%"), class_="paper"))
        drawing.add(self.group(body))
        stream = io.StringIO()
        drawing.write(stream)
        return stream.getvalue() + "\n"


@dataclass
class Sheet:
    """The elements drawn so far, and `y`, in px, where the next one goes."""

    canvas: Canvas
    y: float = 24
    elements: list[Element] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)

    def add(self, *elements: Element) -> None:
        """Put elements on the page."""
        self.elements.extend(elements)


def _add_title(element: Element, title: str | None) -> Element:
    if title is not None:
        element.elements.append(_Title(escape_hidden(title, keep="\n")))
    return element


class _Title(BaseElement):  # type: ignore[misc]
    """A title without the attributes of other svgwrite elements: a page may have 100,000 of them."""

    elementname = "title"

    def __init__(self, words: str) -> None:
        self.words = words

    def get_xml(self) -> ElementTree.Element:
        xml = ElementTree.Element("title")
        xml.text = self.words
        return xml
