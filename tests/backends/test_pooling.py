import pytest

NO_PADDING = ((0, 0), (0, 0))


def test_of_equal_values_the_first_in_row_major_order_gets_the_gradient(arena) -> None:
    x = arena.array([[[[1.0, 7.0, 7.0], [7.0, 7.0, 2.0]]]])
    y, saved = arena.backend.max_pool2d(x, (2, 2), (1, 1), NO_PADDING)
    dx = arena.backend.max_pool2d_gradient(arena.array([[[[1.0, 10.0]]]]), saved, x.shape, (2, 2), (1, 1), NO_PADDING)
    assert arena.backend.to_numpy(y).tolist() == [[[[7, 7]]]]
    assert arena.backend.to_numpy(dx).tolist() == [[[[0, 11, 0], [0, 0, 0]]]]


def test_padding_never_wins(arena) -> None:
    x = arena.array([[[[-5.0]]]])
    padding = ((1, 1), (0, 1))
    y, saved = arena.backend.max_pool2d(x, (2, 2), (1, 1), padding)
    dy = arena.array([[[[1.0], [10.0]]]])
    assert arena.backend.to_numpy(y).tolist() == [[[[-5], [-5]]]]
    dx = arena.backend.max_pool2d_gradient(dy, saved, x.shape, (2, 2), (1, 1), padding)
    assert arena.backend.to_numpy(dx).tolist() == [[[[11]]]]


@pytest.mark.parametrize(("count_padding", "wanted"), [(True, [1.0, 2.5, 1.5]), (False, [2.0, 2.5, 3.0])])
def test_average_of_a_padded_row_by_hand(arena, count_padding, wanted) -> None:
    x = arena.array([[[[2.0, 3.0]]]])
    y = arena.backend.average_pool2d(x, (1, 2), (1, 1), ((0, 0), (1, 1)), count_padding)
    assert arena.backend.to_numpy(y).tolist() == [[[wanted]]]
