import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnkit.errors import ConfigError, DataError
from cnnkit.pictures import ASCII, SHADES, draw_blocks, draw_colours, draw_hex, draw_signal


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


def test_colours_are_half_blocks_of_two_pixels() -> None:
    red_over_blue_over_nothing = np.array([[[1.0], [0.0], [np.nan]], [[0.0], [0.0], [0.0]], [[0.0], [1.0], [0.0]]])
    above, below = draw_colours(red_over_blue_over_nothing, 80).split("\n")
    assert above == "\x1b[38;2;255;0;0m\x1b[48;2;0;0;255m▀\x1b[0m"
    assert below == "\x1b[38;2;255;0;255m\x1b[49m▀\x1b[0m", "NaN is magenta, below the last row is the terminal's own"


def test_a_wide_colour_image_is_averaged_and_two_channels_are_grey() -> None:
    image = np.zeros((3, 4, 6))
    image[1] = 1.0
    lines = draw_colours(image, 3).split("\n")
    assert [line.count("▀") for line in lines] == [3]
    assert draw_colours(np.stack([np.ones((1, 2)), np.zeros((1, 2))]), 9).count("38;2;128;128;128") == 2
    with pytest.raises(ConfigError, match="width of 1"):
        draw_colours(image, 0)
    with pytest.raises(DataError, match="expected one image"):
        draw_colours(image[0], 9)


def test_a_signal_is_a_line_of_heights():
    assert draw_signal([0.0, 1.0, 7.0]) == "▁▂█"
    assert draw_signal([[0, 7], [3, 3]], ascii_only=True) == " #\n  "
    assert draw_signal(np.arange(8), width=4) == "▁▃▆█"
    assert draw_signal([0, np.nan, 7]) == "▁?█"
