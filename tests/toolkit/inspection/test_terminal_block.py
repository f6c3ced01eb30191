"""Blocks side by side fit the width, and each line is as wide as its block says."""

from hypothesis import given
from hypothesis import strategies as st

from cnnkit.inspection.terminal_block import Block, add_caption, place_beside


def test_blocks_of_other_heights_stay_in_their_columns() -> None:
    tall, low = Block(["ab", "cd"], 2), Block(["x"], 1)
    assert place_beside([tall, low, tall], 7).lines == ["ab  x ", "cd    ", "", "ab    ", "cd    "]
    assert place_beside([low, low], 1).lines == ["x", "", "x"], "one a row where there is no room"


def test_a_caption_that_is_too_wide_is_cut_at_its_comma() -> None:
    assert add_caption("filter 0, bias +1", Block(["12345"], 5)) == (["filter 0", "bias +1 ", "12345   "], 8)
    assert add_caption("a, b", Block(["12345"], 5)) == (["a, b ", "12345"], 5)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3)), min_size=1, max_size=9), st.integers(1, 60))
def test_every_line_has_the_width_of_the_whole(sizes: list[tuple[int, int]], width: int) -> None:
    whole = place_beside([Block(["#" * w] * h, w) for w, h in sizes], width)
    assert {len(line) for line in whole.lines if line} <= {whole.width}
    assert whole.width <= max(width, *(w for w, _ in sizes))
    assert sum(line.count("#") for line in whole.lines) == sum(w * h for w, h in sizes)
