"""The words for a result: whether it passed, and how large an error is."""

import math

from cnnkit.documents import Entry

PASS, FAIL = "pass", "FAIL"


def judge(passed: bool) -> Entry:
    """Return the cell that says whether something passed."""
    return Entry(PASS, style="green") if passed else Entry(FAIL, style="bold red")


def error_text(error: float) -> str:
    """Return an error in two digits, "0" or "not finite"."""
    if error == 0:
        return "0"
    return f"{error:.1e}" if math.isfinite(error) else "not finite"
