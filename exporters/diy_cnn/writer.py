"""Writes the weights of a do-it-yourself CNN in Rust as serde_json does, byte for byte."""

from pathlib import Path

import numpy as np

from cnnkit.errors import ExportError
from cnnkit.exporters.core.architecture import outer_layers
from cnnkit.exporters.core.raw_values import read_checked
from cnnkit.exporters.core.weight_file import Array, WeightFile
from cnnkit.exporters.diy_cnn.reader import ARRAYS, NAME
from cnnkit.files.names import printable

_NET = (  # layers and their outputs, as the program computes them
    ("Conv2D", (8, 26, 26)), ("Sigmoid", (8, 26, 26)), ("MaxPool2D", (8, 13, 13)), ("Flatten", (1352,)),
    ("Dense", (10,)), ("Sigmoid", (10,)),
)  # fmt: skip
_MOST_DIGITS, _MOST_ZEROS = 13, 5  # before the point, and behind it: beyond those ryu writes an exponent


def write_diy_cnn(weights: WeightFile, path: Path) -> None:
    """Write the four arrays. Raises ExportError for another net, another type and values that are not finite."""
    _require_net(weights)
    entries = (f'"{key}":{_format_array(key, read_checked(weights[a.name]))}' for key, a in ARRAYS.items())
    path.write_bytes(f"{{{','.join(entries)}}}".encode())


def _require_net(weights: WeightFile) -> None:
    wanted = {a.name: a.published for a in ARRAYS.values()}
    held = {tensor.name: tensor.shape for tensor in weights}
    problem = None
    if held != wanted:
        odd = next((name for name in (*wanted, *held) if held.get(name) != wanted.get(name)), "")
        got = f"{odd} of shape {held[odd]}" if odd in held else f"no {odd}"
        problem = f"{printable(got, 100)}, expected {wanted.get(odd, 'no such tensor')}"
    layers = outer_layers(weights.architecture)
    net = tuple((layer.type, layer.output_shape) for layer in layers)
    if problem is None and layers and net != _NET:
        odd = next(
            (f"{kind} {shape}" for (kind, shape), known in zip(net, _NET, strict=False) if (kind, shape) != known), ""
        )
        problem = f"layer {printable(odd, 60)}" if odd else f"{len(net)} layers"
    if problem is None:
        odd = next((f"{tensor.name} is {tensor.dtype}" for tensor in weights if tensor.dtype != "float32"), "")
        problem = f"{odd}, expected float32" if odd else None
    if problem is not None:
        raise ExportError(f"{NAME} holds the network of recipe diy-cnn alone, got {problem}: choose another format")


def _format_array(key: str, values: Array) -> str:
    flat = values.reshape(-1)
    if not np.isfinite(flat).all():
        raise ExportError(f"{NAME}: {key} has a value that is not finite, which JSON cannot hold")
    dim = ",".join(map(str, values.shape))
    return f'{{"v":1,"dim":[{dim}],"data":[{",".join(map(format_float, flat))}]}}'


def format_float(value: np.float32) -> str:
    """Return the shortest decimal that reads back as this float32, in the form of Rust's ryu: 0.5, 1e-7, 100.0."""
    text = np.format_float_scientific(value, unique=True, trim="-")
    mantissa, _, exponent = text.lstrip("-").partition("e")
    digits, sign = mantissa.replace(".", ""), "-" if text.startswith("-") else ""
    before = int(exponent) + 1  # digits before the point
    if digits == "0":
        return f"{sign}0.0"
    if len(digits) <= before <= _MOST_DIGITS:
        return f"{sign}{digits}{'0' * (before - len(digits))}.0"
    if 0 < before <= _MOST_DIGITS:
        return f"{sign}{digits[:before]}.{digits[before:]}"
    if -_MOST_ZEROS <= before <= 0:
        return f"{sign}0.{'0' * -before}{digits}"
    return f"{sign}{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e{before - 1}"
