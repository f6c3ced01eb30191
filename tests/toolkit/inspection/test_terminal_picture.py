"""Long rows folded to lines: what is not there is not drawn, and a real NaN is."""

import re

import numpy as np
import pytest

from cnnkit.exporters.svg.scale import scale_of
from cnnkit.inspection.terminal_picture import draw_coloured, draw_plain, fold


@pytest.mark.parametrize("length", [33, 84, 97])
def test_the_rest_of_the_last_line_is_blank(length) -> None:
    values = np.linspace(-1, 1, length).reshape(1, 1, length)
    maps, scale = fold(values), scale_of(values)
    text = "\n".join(draw_plain(maps, scale, 200).lines)
    assert len(re.findall(r"[+-]\d| \.", text)) == length
    assert "??" not in text
    painted = "".join(draw_coloured(maps, scale, 200).lines)
    assert painted.count("▀") == len(maps[0, ::2].ravel()) - (32 * len(maps[0]) - length) * (len(maps[0]) % 2)


def test_a_nan_among_the_values_is_drawn_once() -> None:
    values = np.linspace(-1, 1, 84).reshape(1, 1, 84)
    values[0, 0, 3] = np.nan
    assert "\n".join(draw_plain(fold(values), scale_of(values), 200).lines).count("??") == 1
