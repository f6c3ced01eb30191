"""An inspection as lines for people: the file, its layers with their tensors, findings, and values."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from cnnkit.cli.layer_lines import describe_tensor, print_layers
from cnnkit.cli.output import Output
from cnnkit.cli.tables import MOST, format_size, print_lines, write_numbers
from cnnkit.files.names import format_count, printable

if TYPE_CHECKING:
    from cnnkit.exporters import Tensor, WeightFile
    from cnnkit.inspection import Inspection
    from cnnkit.inspection.finding import Finding
    from cnnkit.inspection.slices import Parts

_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}


def print_inspection(output: Output, inspection: "Inspection", optimizer: bool, fingerprint: str | None = None) -> None:
    """Print the file, its layers and tensors, what else it holds, and the findings."""
    for fact in _describe_file(inspection):
        output.say(fact, soft_wrap=fact.startswith("sha256") or None)  # a digest is copied whole
    if fingerprint is not None:
        output.say(f"fingerprint {fingerprint}", soft_wrap=True)
    output.say()
    print_layers(output, inspection)
    _print_rest(output, inspection.weights, optimizer)
    _print_findings(output, inspection.findings or ())


def _print_findings(output: Output, findings: "Sequence[Finding]") -> None:
    if not output.people.is_terminal:
        print_lines(output, (f"finding: {finding.line}" for finding in findings))
        return
    for finding in findings[:MOST]:
        output.say(f"finding: {finding.line}", style=_STYLES[finding.severity])
    if len(findings) > MOST:
        output.say(f"... and {len(findings) - MOST:,} more findings: --layer PATTERN shows some, --json all")


def _describe_file(inspection: "Inspection") -> Iterator[str]:
    """Yield name, size, digest, provenance (where the file has one) and the number of parameters."""
    weights, metadata = inspection.weights, inspection.weights.metadata
    shards = f" in {format_count(len(weights.shards), 'shard')} and their index" if weights.shards else ""
    yield f"{weights.file}: {weights.format}, {format_size(inspection.size or 0)}{shards}"
    if inspection.sha256 is not None:
        yield f"sha256 {inspection.sha256}{' of all of them in a row' if shards else ''}"
    from cnnkit.exporters.core.kept_epoch import read_kept_epoch

    data, kept, made = metadata.get("data"), read_kept_epoch(metadata), metadata.get("provenance")
    parts = []
    if "recipe" in metadata:
        parts.append(f"recipe {metadata['recipe']}")
    if isinstance(data, dict) and "name" in data:
        parts.append(f"data {data['name']}")
    if kept is not None:
        parts.append(kept.text)
    if isinstance(made, dict):
        parts += [str(made[key]) for key in ("backend", "device", "dtype") if key in made]
    if parts:
        yield printable(", ".join(parts))
    if kept is not None and kept.figures_text:
        yield kept.figures_text
    unread = sum(item.count for item in weights.lacks)
    if unread and not len(weights):
        yield f"nothing could be read: {format_count(unread, 'object')} left out, see below"
        return
    tensors = format_count(len(weights.select("parameter")), "tensor")
    yield f"{tensors} of {format_count(weights.parameters, 'parameter')}"


def _print_rest(output: Output, weights: "WeightFile", optimizer: bool) -> None:
    """Print what else the file holds: the optimizer, what was not read, what was edited."""
    from cnnkit.exporters.core.not_read import list_lines

    slots, latest = _split_resumable(() if optimizer else weights.select("optimizer"))
    if slots:
        output.say(f"besides: {_describe_hidden('optimizer tensor', slots)} (--optimizer shows them)")
    if latest:
        use = "the weights of the latest epoch, from which a resume continues (--optimizer shows them)"
        output.say(f"besides: {_describe_hidden('tensor', latest)}: {use}")
    keras = weights.metadata.get("keras")
    for key, verb in (("mirrored", "are"), ("perhaps_mirrored", "may be")):
        names = keras.get(key) if isinstance(keras, dict) else None
        if isinstance(names, list) and names:
            which = printable(", ".join(map(str, names[:4])) + (", ..." if len(names) > 4 else ""))
            output.say(f"Theano's kernels {verb} mirrored in height and width against those of others: {which}")
    for line in list_lines(weights.not_read):
        output.say(f"not read: {line}")
    for name in weights.edited:
        output.say(f"edited since it was written: {printable(name)}")


def _split_resumable(tensors: "Iterable[Tensor]") -> tuple[list["Tensor"], list["Tensor"]]:
    """Return the optimizer's own tensors, and the weights from which a resume continues."""
    from cnnkit.exporters.core.weight_file import LATEST

    split: tuple[list[Tensor], list[Tensor]] = ([], [])
    for tensor in tensors:
        split[tensor.name.startswith(f"{LATEST}.")].append(tensor)
    return split


def _describe_hidden(noun: str, tensors: "list[Tensor]") -> str:
    values = format_count(sum(tensor.parameters for tensor in tensors), "value")
    return f"{format_count(len(tensors), noun)} of {values}"


def print_values(output: Output, weights: "WeightFile", printed: tuple["Tensor", ...], parts: "Parts | None") -> None:
    """Print every value of these tensors, or of one part of each; weights of flattened images as images."""
    from cnnkit.exporters.core.flattened_images import find_flattened_images
    from cnnkit.inspection import slices, value_text

    images = find_flattened_images(weights.architecture)
    for tensor in printed:
        piece, values = slices.read_part(tensor, parts)
        output.say()
        output.say(describe_tensor(piece))
        image = images.get(tensor.layer) if tensor.role == "weight" else None
        write_numbers(output, value_text.format_lines(piece, values, image))
