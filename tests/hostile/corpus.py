"""Collects the cases: every module of this folder that has `CASES`."""

from importlib import import_module
from pkgutil import iter_modules

import hostile
from hostile.case import Case


def load_cases() -> list[Case]:
    """Return every case, those of a module together."""
    modules = [import_module(f"hostile.{module.name}") for module in iter_modules(hostile.__path__)]
    return [case for module in modules for case in getattr(module, "CASES", ())]
