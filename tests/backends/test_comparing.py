import numpy as np
import pytest


def test_the_comparing_helper_passes_what_is_within_the_bounds(assert_close) -> None:
    b = np.array([1.0, -3.0])
    assert_close(b, b)
    assert_close(b + 3.9e-10, b)
    assert_close(b + 3.9e-5, b, "float32")
    assert_close(b + 3.9e-4, b, "float32", "gradient")
    assert_close(np.zeros((0, 2)), np.zeros((0, 2)))


@pytest.mark.parametrize(
    ("got", "wanted", "dtype", "kind"),
    [
        ([1.0, -3.0 + 4.1e-10], [1.0, -3.0], "float64", "forward"),
        ([1.0, -3.0 + 4.1e-10], [1.0, -3.0], "float64", "gradient"),
        ([1.0, -3.0 + 4.1e-5], [1.0, -3.0], "float32", "forward"),
        ([1.0, -3.0 + 4.1e-4], [1.0, -3.0], "float32", "gradient"),
        ([np.nan], [1.0], "float32", "forward"),
        ([1.0], [np.nan], "float32", "forward"),
        ([np.nan], [np.nan], "float32", "forward"),
        ([np.inf], [np.inf], "float32", "forward"),
        ([[1.0]], [1.0], "float32", "forward"),
        ([1.0, 1.0], [1.0], "float32", "forward"),
        (1.0, [1.0], "float32", "forward"),
    ],
)
def test_the_comparing_helper_fails_on_what_is_wrong(assert_close, got, wanted, dtype, kind) -> None:
    with pytest.raises(AssertionError):
        assert_close(got, wanted, dtype, kind)
