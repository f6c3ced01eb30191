import numpy as np
import pytest

from cnnkit.data.layout import LAYOUTS, arrange_axes, choose_layout, require_layout
from cnnkit.data.lazy_images import LazyImages
from cnnkit.errors import DataError


class Held(LazyImages):
    def __init__(self, array):
        super().__init__(array.shape, array.dtype)
        self.array = array

    def read(self, indices):
        return self.array[indices]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_channels_come_first_in_arrays_and_in_readers(layout):
    sizes = {"F": 4, "L": 5, "C": 3, "D": 6, "H": 7, "W": 8}
    shape = (2, *(sizes[axis] for axis in layout))
    stored = np.arange(np.prod(shape)).reshape(shape)
    wanted = layout.replace("C", "")
    wanted = "F" if layout == "F" else f"C{wanted}"
    equation = f"n{layout.lower()}->n{wanted.lower() if 'C' in layout or layout == 'F' else layout.lower()}"
    expected = np.einsum(equation, stored)
    if "C" not in layout and layout != "F":
        expected = np.expand_dims(expected, 1)
    for images in (stored, Held(stored)):
        arranged = arrange_axes(images, layout, "x")
        assert arranged.shape == expected.shape
        np.testing.assert_array_equal(arranged[:], expected)
        np.testing.assert_array_equal(arranged[1], expected[1])


@pytest.mark.parametrize(
    ("stored", "sample", "layout"),
    [
        ((9,), None, "F"),
        ((9,), (9,), "F"),
        ((9,), (1, 9), "L"),
        ((9,), (4, 9), "F"),
        ((8, 9), None, "HW"),
        ((8, 9), (1, 8, 9), "HW"),
        ((3, 9), (3, 9), "CL"),
        ((9, 3), (3, 9), "LC"),
        ((3, 3), (3, 9), "CL"),
        ((3, 8, 9), None, "CHW"),
        ((8, 9, 3), None, "HWC"),
        ((3, 8, 3), None, "CHW"),
        ((5, 8, 9), (5, 8, 9), "CHW"),
        ((8, 9, 5), (5, 8, 9), "HWC"),
        ((8, 9, 3), (1, 8, 9, 3), "DHW"),
        ((1, 7, 8, 9), None, "CDHW"),
        ((7, 8, 9, 3), None, "DHWC"),
        ((7, 8, 9, 2), (2, 7, 8, 9), "DHWC"),
    ],
)
def test_sizes_and_the_network_decide(stored, sample, layout):
    assert choose_layout((6, *stored), sample, "x") == layout


@pytest.mark.parametrize(
    ("stored", "sample"), [((5, 8, 9), None), ((5, 8, 9), (3, 8, 9)), ((2, 7, 8, 9), None), ((1, 2, 3, 4, 5), None)]
)
def test_what_nothing_decides_is_refused(stored, sample):
    with pytest.raises(DataError, match=r"x: expected samples .*: name the axes of a sample: --layout"):
        choose_layout((6, *stored), sample, "x")


def test_other_layouts_and_numbers_of_axes_are_refused():
    assert require_layout("hwc") == "HWC"
    for wrong in ("NCHW", "", "WH", None, 3):
        with pytest.raises(DataError, match="layout: expected one of F, L, CL"):
            require_layout(wrong)
    with pytest.raises(DataError, match=r"x: expected samples of 3 axes, as layout HWC says, got shape \(2, 3\)"):
        arrange_axes(np.zeros((2, 3)), "HWC", "x")
