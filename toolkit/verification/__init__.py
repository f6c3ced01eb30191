"""Verification: the training of a weight file once more, and what of the file does not come out."""

from cnnkit.verification.mismatch import Mismatch
from cnnkit.verification.verdict import Spot, Verdict
from cnnkit.verification.verification import verify

__all__ = ["Mismatch", "Spot", "Verdict", "verify"]
