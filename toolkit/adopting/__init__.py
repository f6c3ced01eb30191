"""Strangers' files as networks of cnnkit's layers, which run, train and export like its own."""

from cnnkit.adopting.adopted import Adopted, AdoptedNode

__all__ = ["Adopted", "AdoptedNode"]
