"""Keras models as networks of cnnkit's layers."""

from pathlib import Path
from typing import Any

from cnnkit.adopting.adopted import Adopted
from cnnkit.errors import WeightFileError


def adopt_keras(path: str | Path, input_shape: Any = None) -> Adopted:
    """Return the model of a Keras file. Raises WeightFileError: none is adopted yet."""
    raise WeightFileError(
        f"{path}: the file holds tensors but no architecture, so no network can be built from it: Keras models are not "
        f"adopted yet (asked for {input_shape})",
        file=str(path),
        hint="name the network with --recipe NAME, or describe its layers in a file and name it with --model net.toml",
    )
