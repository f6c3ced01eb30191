"""Writes a WeightFile as text, line after line, with one slice of a tensor in memory at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.flattened_images import find_flattened_images
from cnnkit.exporters.core.number_text.layout import choose_layout
from cnnkit.exporters.core.number_text.support import require_supported
from cnnkit.exporters.core.raw_values import read_checked
from cnnkit.exporters.core.weight_file import JSON_FIELDS, Tensor, WeightFile, sha256
from cnnkit.exporters.text import grammar
from cnnkit.exporters.text.body import format_values
from cnnkit.exporters.text.statistics import describe_layers, summarise

_INTRODUCTION = """\
# Every number of a neural network. One rule: the first character of a line, blanks aside, decides. After a digit, +, -
# or . the line holds numbers; any other line explains. Numbers come in C order: the last axis runs fastest. Lines that
# begin with # or [ are for people. A changed number is read back, and its tensor named as edited. The @ lines at the
# end are one JSON object: the architecture, and how the net was trained.
"""


def write_text(weights: WeightFile, path: Path, precision: int | None) -> None:
    """Write `weights`; the same weights give the same bytes.

    Raises ExportError for an element type that the format cannot hold, and for texts that are not JSON.
    """
    require_supported(weights, grammar.FORMAT)
    with path.open("wb", buffering=1 << 20) as stream:
        stream.writelines(_format_file(weights, precision))


def _format_file(weights: WeightFile, precision: int | None) -> Iterator[bytes]:
    texts = "".join(f"@ {line}\n" for line in _format_texts(weights).splitlines())
    yield f"{grammar.FORMAT} {grammar.VERSION}\n{_INTRODUCTION}".encode()
    yield b"\n" if precision is None else f"precision {precision}\n\n".encode()
    layers, images = describe_layers(weights.architecture), find_flattened_images(weights.architecture)
    for tensor in weights.tensors:
        yield from _format_tensor(tensor, layers, images, precision)
    yield f"\n{texts}\n".encode()
    total = sum(tensor.parameters for tensor in weights.tensors)
    yield f"end of file, {len(weights)} tensors, {total} numbers\n".encode()


def _format_tensor(
    tensor: Tensor, layers: dict[str, str], images: dict[str, tuple[int, ...]], precision: int | None
) -> Iterator[bytes]:
    values = read_checked(tensor)
    image = images.get(tensor.layer) if tensor.axes == ("out", "in") else None
    heading = [
        f"tensor {grammar.quote(tensor.name)} {tensor.dtype} ({', '.join(map(str, tensor.shape))})",
        f"layer {grammar.quote(tensor.layer)}",
        f"role {tensor.role}",
        f"axes ({', '.join(map(grammar.quote, tensor.axes))})",
        *([f"sha256 {sha256(values)}"] if precision is None else []),
        f"# {summarise(tensor, values, layers)}",
    ]
    yield "".join(f"{line}\n" for line in heading).encode("ascii")
    yield from format_values(tensor, values, choose_layout(tensor.shape, image), precision)
    yield f"end {tensor.parameters} numbers\n".encode()


def _format_texts(weights: WeightFile) -> str:
    kinds: dict[str, list[int]] = {}
    for index, tensor in enumerate(weights.tensors):
        if tensor.kind != ("optimizer" if tensor.role == "slot" else "parameter"):
            kinds.setdefault(tensor.kind, []).append(index)
    texts: dict[str, Any] = {name: getattr(weights, name) for name in JSON_FIELDS if getattr(weights, name) is not None}
    for name, value in texts.items():
        strict_json.dumps(name, value, sort_keys=True)  # so that an error names the text
    whole = texts | ({"kinds": kinds} if kinds else {})
    return strict_json.dumps("the @ lines", whole, indent=1, sort_keys=True, ensure_ascii=True)
