import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnkit.errors import ConfigError, DataError
from cnnkit.pictures import ASCII, SHADES, draw_blocks, draw_hex


def test_brightness_is_ink() -> None:
    ramp = np.linspace(0, 1, len(SHADES))[None, None]
    assert draw_blocks(ramp) == "".join(SHADES)
    ramp = np.linspace(0, 1, len(ASCII))[None, None]
    assert draw_blocks(ramp, ascii_only=True) == "  ..::--==++**##%%@@"


def test_levels_differ_and_are_two_characters() -> None:
    for levels in (SHADES, ASCII):
        assert len(set(levels)) == len(levels)
        assert all(len(level) == 2 for level in levels)


def test_rows_stay_rows() -> None:
    assert draw_blocks(np.array([[[0, 1], [1, 0], [1, 1]]])) == "  ██\n██  \n████"


def test_values_out_of_range_are_clipped_and_nan_is_seen() -> None:
    assert draw_blocks(np.array([[[-3.0, 7.0, np.nan, -np.inf, np.inf]]])) == "  ██??  ██"
    assert draw_hex(np.array([[[-3.0, 7.0, np.nan, -np.inf, np.inf]]])) == " . ff ??  . ff"


def test_colour_is_shown_by_luma_and_other_channels_by_their_mean() -> None:
    assert draw_blocks(np.eye(3).reshape(3, 1, 3), ascii_only=True) == "--++.."  # red 0.299, green 0.587, blue 0.114
    assert draw_blocks(np.array([1.0, 0.0]).reshape(2, 1, 1)) == draw_blocks(np.full((1, 1, 1), 0.5))


def test_a_wide_image_is_averaged() -> None:
    image = np.zeros((1, 4, 6))
    image[0, :2, :2] = 1.0
    assert draw_blocks(image, width=11) == draw_blocks(image, width=6) == "██    \n      "
    assert draw_blocks(image, width=12) == draw_blocks(image)
    assert draw_blocks(np.ones((1, 5, 7)), width=2) == "██", "squares at the edge hold fewer pixels"


@given(st.integers(1, 3), st.integers(1, 40), st.integers(1, 40), st.integers(2, 50))
def test_lines_are_even_and_fit(channels: int, height: int, columns: int, width: int) -> None:
    lines = draw_blocks(np.full((channels, height, columns), 0.5), width=width).split("\n")
    assert {len(line) for line in lines} == {len(lines[0])}
    assert len(lines[0]) <= min(width, 2 * columns)
    assert len(lines) <= height


def test_hex_bytes() -> None:
    image = np.array([[[0, 1, 254], [16, 9, 255]]]) / 255
    assert draw_hex(image) == " . 01 fe\n10 09 ff"
    assert draw_hex(image, width=7) == " .01fe\n1009ff"
    assert draw_hex(np.array([[[0.3 / 255, 0.7 / 255]]])) == " . 01"
    assert draw_hex(np.array([[[0.0]], [[1.0]]])) == " .\n\nff"


def test_mnist_fits_a_terminal_of_80_columns() -> None:
    for drawn in (draw_blocks(np.ones((1, 28, 28))), draw_hex(np.ones((1, 28, 28)))):
        assert max(map(len, drawn.split("\n"))) <= 80


@pytest.mark.parametrize("shape", [(28, 28), (1, 1, 28, 28), (1, 0, 3)])
def test_another_shape_is_a_data_error(shape: tuple[int, ...]) -> None:
    for draw in (draw_blocks, draw_hex):
        with pytest.raises(DataError, match="expected one image"):
            draw(np.zeros(shape))


def test_a_width_without_room_for_a_pixel() -> None:
    with pytest.raises(ConfigError, match="width of 2"):
        draw_blocks(np.zeros((1, 2, 2)), width=1)
