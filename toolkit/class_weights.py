"""The text form of class weights: "balanced", or "cat=2,dog=0.5"."""

import re
from collections.abc import Mapping
from typing import Any

from cnnkit.errors import ConfigError
from cnnkit.files.names import describe_value
from cnnkit.values import is_finite

BALANCED = "balanced"
ClassWeights = str | Mapping[str, float] | None
_EXPECTED = "balanced, or NAME=NUMBER for classes, separated by commas"


def parse_class_weights(given: ClassWeights) -> ClassWeights:
    """Return "balanced", {class name: weight >= 0}, or None, from these or from "cat=2,dog=0.5". Raises ConfigError."""
    if given is None or given == BALANCED:
        return given
    pairs: Any = given.items() if isinstance(given, Mapping) else None
    if isinstance(given, str):
        parts = [re.fullmatch(r"(.+)=([^=]+)", part.strip()) for part in given.split(",")]
        pairs = [(part[1], _read_number(part[2])) for part in parts if part]
        pairs = pairs if all(parts) else None
    if not pairs or not all(isinstance(name, str) and is_finite(factor) and factor >= 0 for name, factor in pairs):
        raise ConfigError(f"class_weights: expected {_EXPECTED}, got {describe_value(given)}")
    return {name: float(factor) for name, factor in pairs}


def _read_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return -1.0
