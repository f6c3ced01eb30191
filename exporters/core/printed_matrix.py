"""Matrices as NumPy prints them: which were cut, and what is left of them."""

import re

MARK = "..."
# A number in brackets, later dots in the place of numbers, a number or a bracket behind them.
_CUT = re.compile(r"\[[ \t]*[-+]?[0-9.][-+0-9.e, \t\r\n]{0,4000}?[ \t,\r\n]\.\.\.[ \t,\r\n]+[-+0-9.\[]")
HINT = (
    "what was cut is in no file of text: read the .npz that was saved beside it, or write it again with "
    "numpy.set_printoptions(threshold=sys.maxsize), or with cnnkit export --format txt, which is exact"
)


def is_cut(text: str) -> bool:
    """Return whether a text holds a matrix that NumPy's printing cut."""
    return _CUT.search(text) is not None


def describe_cut(text: str) -> str:
    """Return what is left of the first matrix in a text that NumPy's printing cut."""
    start = text.find("[", max(0, text.rfind("[[", 0, text.find(MARK))))
    row = text[start : start + 4000].partition("]")[0].strip("[ ")
    before, dots, after = row.partition(MARK)
    left = "only the first and last rows are there"
    if dots:
        left = f"of each row only the first {len(before.split())} and the last {len(after.split())} values are there"
    return f"matrices cut by NumPy's printing ({MARK} for the rest): {left}"
