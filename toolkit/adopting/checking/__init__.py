"""Comparing an adopted network with the runtime of the file's own format."""

from cnnkit.adopting.checking.check import AdoptionCheck, check_adopted

__all__ = ["AdoptionCheck", "check_adopted"]
