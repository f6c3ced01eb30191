"""The words for a result: whether it passed, and how large an error is."""

import math

from cnnkit.documents import TableEntry

PASS, FAIL = "pass", "FAIL"


def judge(passed: bool) -> TableEntry:
    """Return the cell that says whether something passed."""
    return TableEntry(PASS, style="green") if passed else TableEntry(FAIL, style="bold red")


def error_text(error: float) -> str:
    """Return an error in two digits, "0" or "not finite"."""
    if error == 0:
        return "0"
    return f"{error:.1e}" if math.isfinite(error) else "not finite"
