import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnkit.errors import ConfigError
from cnnkit.inspection import slices


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("0,:,:", (0, slice(None), slice(None))),
        (" [ -1 , 2:5:2 ] ", (-1, slice(2, 5, 2))),
        ("..., ::-1", (Ellipsis, slice(None, None, -1))),
        ("3", (3,)),
    ],
)
def test_what_is_understood(text, parts):
    assert slices.parse(text) == parts


@pytest.mark.parametrize(
    "text", ["", "a", "1.5", "0,,1", "1:2:3:4", "::0", "0;1", "1_0", "...,...", "٣", "0x1", "9" * 40, "()"]
)
def test_what_is_refused(text):
    with pytest.raises(ConfigError, match="--slice"):
        slices.parse(text)


@given(
    st.lists(
        st.one_of(st.integers(-4, 4), st.just(slice(None)), st.just(slice(1, 2)), st.just(...)), min_size=1, max_size=4
    )
)
def test_fit_as_numpy_says(parts):
    array, parts = np.zeros((2, 3, 4)), tuple(parts)
    if sum(part is ... for part in parts) > 1:
        return
    try:
        shape = array[parts].shape
    except IndexError:
        assert slices.explain_misfit(parts, array.shape) is not None
    else:
        assert slices.explain_misfit(parts, array.shape) is None
        assert len(slices.remaining_axes(parts, ("o", "i", "k"))) == len(shape)


def test_names_of_what_is_left():
    assert slices.remaining_axes(slices.parse("0,...,1"), ("o", "i", "kh", "kw")) == ("i", "kh")
    assert slices.remaining_axes(slices.parse("0"), ("o", "i")) == ("i",)
