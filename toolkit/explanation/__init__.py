"""How one value of a network comes about, and what of a picture a network looks at.

In reading order: tapping.py and record.py find what a layer inside a network takes and gives; worked.py is the
arithmetic of one value as a record, which windows.py, sums.py and functions.py make of layers (workers.py);
explain.py is all of it; text.py and drawing.py show it.
"""

from cnnkit.explanation.explain import Explanation, explain

__all__ = ["Explanation", "explain"]
