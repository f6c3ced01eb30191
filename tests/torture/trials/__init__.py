"""The trials: one file each, with a `TRIAL`; a new file is found by itself."""

from importlib import import_module
from pkgutil import iter_modules

from torture.trial import Trial


def load_trials() -> list[Trial]:
    """Return every trial, by name."""
    return [import_module(f"{__name__}.{module.name}").TRIAL for module in iter_modules(__path__)]
