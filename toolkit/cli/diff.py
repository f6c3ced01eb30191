"""`cnnkit diff`: how two weight files differ, tensor by tensor, across formats and layouts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnkit.cli.loading import read_complete
from cnnkit.cli.options import External
from cnnkit.cli.output import Output
from cnnkit.cli.partial import AllowPartial, list_not_read, print_left_out
from cnnkit.cli.request import TableRequest
from cnnkit.cli.tables import MOST, format_shape, print_lines, print_sentence, print_table
from cnnkit.cli.watching import watch_reading
from cnnkit.documents import Cell, TableEntry
from cnnkit.documents.forms import TableForm
from cnnkit.errors import ConfigError
from cnnkit.files.names import format_count, printable
from cnnkit.files.unsafe_file import UnsafeFileError

if TYPE_CHECKING:
    from cnnkit.inspection.differences import Difference
    from cnnkit.inspection.pairing import Pairing
    from cnnkit.inspection.runs import Change

EXAMPLE = "cnnkit diff weights.h5 model.keras --atol 1e-6"
_LARGEST_MAP = 16 << 20  # bytes of the file for --map
_STYLES = {"equal": "green", "close": "green", "different": "red", "dtype": "yellow", "shape": "red"}


@dataclass(frozen=True)
class DiffRequest(TableRequest):
    """Two files, what to compare in them, and how closely."""

    a: Annotated[Path, typer.Argument(metavar="A", help="A weight file.")]
    b: Annotated[Path, typer.Argument(metavar="B", help="Another file, of any format.")]
    atol: Annotated[float, typer.Option(min=0.0, help="Values this far apart count as close.")] = 0.0
    rtol: Annotated[float, typer.Option(min=0.0, help="The same, times the value in B.")] = 0.0
    names: Annotated[
        Path | None, typer.Option("--map", metavar="FILE", help='Names to pair: {"name in A": "name in B"}.')
    ] = None
    only: Annotated[
        str | None, typer.Option("--only", metavar="PATTERN", help="Only these layers or tensors of A or B.")
    ] = None
    external: External = False
    runs: Annotated[
        bool, typer.Option("--runs", help="Compare options, data, history and final figures of the trainings too.")
    ] = False
    allow_partial: AllowPartial = False


def command(request: DiffRequest) -> int:
    """Compare two weight files; exit with 0 when they are equal, 1 when not or when one could be read in part alone."""
    from cnnkit.inspection.differences import SAME, compare, matters
    from cnnkit.inspection.pairing import pair
    from cnnkit.inspection.runs import compare_runs

    output = request.output
    with watch_reading(output, "comparing") as watch:
        first, second = (watch(read_complete(path, request.external)) for path in (request.a, request.b))
        pairing = pair(first, second, None if request.names is None else _read_map(request.names))
        if request.only is not None:
            pairing = _select(pairing, request.only)
        compared = list(compare(first, second, pairing, request.atol, request.rtol))
    unpaired = (*pairing.only_in_a, *pairing.only_in_b)
    left_out, lacking = list_not_read(first, second), bool(first.lacks or second.lacks)
    if not compared and not unpaired:
        found = f": {left_out[0]}" if left_out else ""
        raise ConfigError(f"{request.a}, {request.b}: expected tensors to compare, got none{found}")
    changed = compare_runs(first, second) if request.runs else []
    missing = any(matters(tensor) for tensor in unpaired)
    equal = not missing and not changed and all(item.status in SAME for item in compared)

    _print_differences(output, compared, pairing)
    if request.runs:
        _print_runs(output, changed)
    print_left_out(output, left_out)
    refused = lacking and not request.allow_partial
    if refused:
        print_left_out(output, ["not all could be compared, so the status is 1: --allow-partial judges the rest alone"])
    output.result(
        {"equal": equal and not refused, "a": str(request.a), "b": str(request.b), "left_out": left_out}
        | _to_json(compared, pairing)
        | ({"runs": [change.to_json() for change in changed]} if request.runs else {})
    )
    return int(not equal or refused)


def _to_json(compared: list["Difference"], pairing: "Pairing") -> dict[str, Any]:
    return {
        "tensors": [item.to_json() for item in compared],
        "only_in_a": [tensor.name for tensor in pairing.only_in_a],
        "only_in_b": [tensor.name for tensor in pairing.only_in_b],
        "undefined": {
            f"{item.pair.a.name}.{key}": reason for item in compared for key, reason in item.undefined().items()
        },
    }


def _read_map(path: Path) -> Mapping[str, str]:
    """Return the pairs of names that a JSON file lists. Raises ConfigError."""
    from cnnkit.exporters.core import strict_json
    from cnnkit.files.bounded_text import read_bounded

    content = read_bounded(path, _LARGEST_MAP + 1)
    if len(content) > _LARGEST_MAP:
        raise ConfigError(f"--map {path}: expected at most {_LARGEST_MAP >> 20} MiB of names, got more")
    try:
        names = strict_json.loads(content.removeprefix(b"\xef\xbb\xbf"), most_nodes=strict_json.MOST_NODES)
    except (UnsafeFileError, ValueError) as error:
        raise ConfigError(f"--map {path}: {printable(str(error))}") from None
    if not isinstance(names, dict) or not all(isinstance(value, str) for value in names.values()):
        raise ConfigError(f'--map {path}: expected {{"name in A": "name in B", ...}}')
    return names


def _select(pairing: "Pairing", only: str) -> "Pairing":
    from cnnkit.inspection.layer_tree import match
    from cnnkit.inspection.pairing import Pairing

    tensors = [tensor for pair in pairing.pairs for tensor in (pair.a, pair.b)]
    selected = {id(t) for t in match((*tensors, *pairing.only_in_a, *pairing.only_in_b), only, "--only")}
    return Pairing(
        tuple(pair for pair in pairing.pairs if id(pair.a) in selected or id(pair.b) in selected),
        tuple(tensor for tensor in pairing.only_in_a if id(tensor) in selected),
        tuple(tensor for tensor in pairing.only_in_b if id(tensor) in selected),
    )


def _print_differences(output: Output, compared: list["Difference"], pairing: "Pairing") -> None:
    shown = compared
    if output.people.is_terminal and len(compared) > MOST:  # of so many a person wants those that differ
        shown = [item for item in compared if item.status not in ("equal", "close")][:MOST]
    headings = ("A", "B", "paired by", "status", "max abs", "max rel", "ulp", "L2", "first at", "transform")
    print_table(output, headings, [_format_row(item) for item in shown], "wwwwrrrr")
    if len(shown) < len(compared):
        print_sentence(
            output, f"... and {len(compared) - len(shown):,} more pairs: --only PATTERN shows some, --json all"
        )
    for side, tensors in (("A", pairing.only_in_a), ("B", pairing.only_in_b)):
        lines = [
            f"only in {side}: {printable(tensor.name)}, {format_shape(tensor.shape)}, {tensor.kind}"
            for tensor in tensors
        ]
        if output.form is not TableForm.TEXT:
            for line in lines:
                print_sentence(output, line)
            continue
        most = MOST if output.people.is_terminal else len(lines)
        print_lines(output, lines[:most])
        if most < len(lines):
            print_sentence(output, f"... and {len(lines) - most:,} more only in {side}: --json lists all")
    if compared:
        counts = Counter(item.status for item in compared)
        totals = ", ".join(f"{n} {status}" for status, n in counts.items())
        print_sentence(output, f"{format_count(len(compared), 'pair')}: {totals}")


def _format_row(item: "Difference") -> list[Cell]:
    a, b, known = item.pair.a, item.pair.b, item.distance
    status = TableEntry(item.status, style=_STYLES[item.status])
    start: list[Cell] = [printable(a.name), printable(b.name), item.pair.paired_by, status]
    if known is None:
        return [*start, "", "", "", "", "", f"{format_shape(a.shape)} against {format_shape(b.shape)}"]
    notes = [item.transform] if item.transform else []
    if a.dtype != b.dtype:
        notes.append(f"{a.dtype} against {b.dtype}")
    if known.incomparable:
        notes.append(f"{known.incomparable:,} not finite")
    first = "" if known.first_index is None else f"[{', '.join(map(str, known.first_index))}]"
    figures = [_format_figure(value) for value in (known.max_abs, known.max_rel, known.max_ulp, known.l2)]
    return [*start, *figures, first, ", ".join(notes)]


def _format_figure(value: float | None) -> TableEntry:
    if value is None:
        return TableEntry("-", "")
    return TableEntry(f"{value:,}" if isinstance(value, int) else f"{value:.3g}", value)


def _print_runs(output: Output, changed: list["Change"]) -> None:
    output.say()
    if not changed:
        print_sentence(output, "the trainings are the same: options, data, history, final figures")
        return
    entries = (change.to_json() for change in changed)
    rows = [[entry["what"], _format_value(entry["a"]), _format_value(entry["b"])] for entry in entries]
    print_table(output, ("training", "A", "B"), rows, "www")


def _format_value(value: Any) -> str:
    return "-" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
