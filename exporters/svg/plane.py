"""The input of a diagram as a plane seen from the side, one skewed grid per channel, edges leaving from its pixels."""

import math
from dataclasses import dataclass

from cnnkit.exporters.core.architecture import Shape
from cnnkit.exporters.svg.canvas import Canvas, Element
from cnnkit.exporters.svg.edges import Point
from cnnkit.exporters.svg.palette import css_class
from cnnkit.exporters.svg.scale import STEPS, ScaledTensor
from cnnkit.exporters.svg.tiles import write_titles


@dataclass
class Plane:
    """channels grids of rows by columns, a pixel `across` px wide and `down` px high, sinking `skew` px a column."""

    channels: int
    rows: int
    columns: int
    inputs: int
    across: float
    down: float
    skew: float
    x: float = 0
    y: float = 0

    @property
    def width(self) -> float:
        """Width in px."""
        return self.columns * self.across

    @property
    def height(self) -> float:
        """Height in px of all channels, 12 px between."""
        return self.channels * (self._grid + 12) - 12

    @property
    def _grid(self) -> float:
        return self.rows * self.down + self.columns * self.skew

    def _corner(self, channel: int, row: float, column: float) -> Point:
        top = self.y + channel * (self._grid + 12)
        x, y = self.x + column * self.across, top + row * self.down + (self.columns - column) * self.skew
        return round(x, 1), round(y, 1)

    def find_centres(self) -> list[Point]:
        """Return the centre of each pixel, in the order of the inputs."""
        area = self.rows * self.columns
        centres = []
        for index in range(self.inputs):
            row, column = divmod(index % area, self.columns)
            centres.append(self._corner(index // area, row + 0.5, column + 0.5))
        return centres

    def draw(self, canvas: Canvas, sample: ScaledTensor | None) -> list[Element]:
        """Return the grids, coloured by the sample's values where there is a sample."""
        drawn: list[Element] = []
        for channel in range(self.channels):
            corners = [self._corner(channel, row, column) for row, column in self._ring(0, 0, self.rows, self.columns)]
            drawn.append(canvas.path(_write_path(corners, closed=True), "plane"))
        if sample is not None:
            names, area = write_titles(sample, 0, self.inputs), self.rows * self.columns
            for index in range(self.inputs):
                row, column = divmod(index % area, self.columns)
                corners = [self._corner(index // area, *corner) for corner in self._ring(row, column, 1, 1)]
                level = int(sample.levels[index])
                name = css_class(level) if abs(level) <= STEPS else "inf"
                drawn.append(canvas.path(_write_path(corners, closed=True), name, names[index]))
        else:
            drawn.append(canvas.path("".join(self._lines()), "rule"))
        return [canvas.group(drawn)]

    def _lines(self) -> list[str]:
        lines = []
        for channel in range(self.channels):
            for row in range(1, self.rows):
                lines.append(_write_path([self._corner(channel, row, 0), self._corner(channel, row, self.columns)]))
            for column in range(1, self.columns):
                lines.append(_write_path([self._corner(channel, 0, column), self._corner(channel, self.rows, column)]))
        return lines

    @staticmethod
    def _ring(row: float, column: float, tall: float, wide: float) -> list[tuple[float, float]]:
        return [(row, column), (row, column + wide), (row + tall, column + wide), (row + tall, column)]


def plan_plane(image: Shape | None, inputs: int) -> Plane:
    """Return the plane of an image (C, H, W); without one, a few inputs as a column of pixels, many in a square."""
    if image is not None:
        channels, rows, columns = image
    elif inputs <= 64:
        channels, rows, columns = 1, inputs, 1
    else:
        columns = math.ceil(math.sqrt(inputs))
        channels, rows = 1, -(-inputs // columns)
    if columns == 1:
        return Plane(channels, rows, columns, inputs, 16, 22, 0)
    size = min(8.0, max(260 / rows, 2))
    return Plane(channels, rows, columns, inputs, round(size * 0.6, 1), size, round(size * 0.3, 1))


def _write_path(corners: list[Point], closed: bool = False) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in corners) + ("Z" if closed else "")
