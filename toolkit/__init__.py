"""cnnkit: convolutional networks with pluggable backends, whose every weight can be seen.

    from cnnkit import Model, Sequential, layers

Names are loaded when they are first used: importing cnnkit imports neither torch, cupy, h5py nor typer.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnnkit.backends import available_backends, get_backend
    from cnnkit.data import Dataset
    from cnnkit.data import load as load_data
    from cnnkit.errors import CnnkitError
    from cnnkit.exporters import WeightFile
    from cnnkit.exporters import read as read_weights
    from cnnkit.exporters import write as write_weights
    from cnnkit.finite_differences import gradient_check
    from cnnkit.layers import Sequential
    from cnnkit.model import Model
    from cnnkit.training import Options, Training
    from cnnkit.verification import verify

_HOME = {
    "CnnkitError": ("cnnkit.errors", "CnnkitError"),
    "Dataset": ("cnnkit.data", "Dataset"),
    "Model": ("cnnkit.model", "Model"),
    "Options": ("cnnkit.training", "Options"),
    "Sequential": ("cnnkit.layers", "Sequential"),
    "Training": ("cnnkit.training", "Training"),
    "WeightFile": ("cnnkit.exporters", "WeightFile"),
    "available_backends": ("cnnkit.backends", "available_backends"),
    "get_backend": ("cnnkit.backends", "get_backend"),
    "gradient_check": ("cnnkit.finite_differences", "gradient_check"),
    "load_data": ("cnnkit.data", "load"),
    "read_weights": ("cnnkit.exporters", "read"),
    "verify": ("cnnkit.verification", "verify"),
    "write_weights": ("cnnkit.exporters", "write"),
}
_ROOMS = (
    "backends",
    "data",
    "exporters",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "optimizers",
    "parity",
    "recipes",
    "schedules",
    "training",
    "verification",
)

__all__ = [
    "CnnkitError",
    "Dataset",
    "Model",
    "Options",
    "Sequential",
    "Training",
    "WeightFile",
    "available_backends",
    "get_backend",
    "gradient_check",
    "load_data",
    "read_weights",
    "verify",
    "write_weights",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        module, attribute = _HOME[name]
        return getattr(importlib.import_module(module), attribute)
    if name in _ROOMS:
        return importlib.import_module(f"cnnkit.{name}")
    if name == "__version__":
        from importlib.metadata import version

        return version("cnnkit")
    raise AttributeError(f"module 'cnnkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_ROOMS, "__version__"})
