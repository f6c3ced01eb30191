"""`cnnkit diff`: how two weight files differ, tensor by tensor, across formats and layouts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cnnkit.cli.loading import read_complete
from cnnkit.cli.options import Json, Quiet, Verbose
from cnnkit.cli.output import Output
from cnnkit.cli.tables import print_table, shape_text
from cnnkit.errors import ConfigError
from cnnkit.files.names import printable

if TYPE_CHECKING:
    from cnnkit.exporters import Tensor
    from cnnkit.inspection.differences import Difference
    from cnnkit.inspection.pairing import Pairing
    from cnnkit.inspection.runs import Change

EXAMPLE = "cnnkit diff weights.h5 model.keras --atol 1e-6"
_STYLES = {"equal": "green", "close": "green", "different": "red", "dtype": "yellow", "shape": "red"}
_Shown = tuple[Sequence["Tensor"], Sequence["Tensor"]]


def command(
    a: Annotated[Path, typer.Argument(metavar="A", help="A weight file.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another; of any format.")],
    atol: Annotated[float, typer.Option(min=0.0, help="Values this far apart count as close.")] = 0.0,
    rtol: Annotated[float, typer.Option(min=0.0, help="The same, times the value in B.")] = 0.0,
    names: Annotated[
        Path | None, typer.Option("--map", metavar="FILE", help='What belongs together: {"name in A": "name in B"}.')
    ] = None,
    only: Annotated[
        str | None, typer.Option("--only", metavar="PATTERN", help="Only these layers or tensors of A or B.")
    ] = None,
    runs: Annotated[
        bool, typer.Option("--runs", help="Also options, data, history and final figures of the two trainings.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,  # noqa: ARG001 (its callback answers)
) -> int:
    """Compare two weight files; exit with 0 when they are equal, 1 when not."""
    from cnnkit.inspection import differences
    from cnnkit.inspection.pairing import pair
    from cnnkit.inspection.runs import changes

    output = Output(json, quiet)
    first, second = read_complete(a), read_complete(b)
    pairing = pair(first, second, None if names is None else _map(names))
    if only is not None:
        pairing = _chosen(pairing, only)
    found = list(differences.differences(first, second, pairing, atol, rtol))
    missing = any(differences.matters(tensor) for tensor in (*pairing.only_in_a, *pairing.only_in_b))
    changed = changes(first, second) if runs else []
    equal = not missing and not changed and all(item.status in differences.SAME for item in found)
    if not found and not (pairing.only_in_a or pairing.only_in_b):
        raise ConfigError(f"{a}, {b}: expected tensors to compare, got none")

    _say(output, found, (pairing.only_in_a, pairing.only_in_b))
    if runs:
        _say_runs(output, changed)
    output.result({
        "equal": equal, "a": str(a), "b": str(b), "tensors": [item.to_json() for item in found],
        "only_in_a": [printable(tensor.name) for tensor in pairing.only_in_a],
        "only_in_b": [printable(tensor.name) for tensor in pairing.only_in_b],
        **({"runs": [change.to_json() for change in changed]} if runs else {}),
        "undefined": {
            f"{printable(item.pair.a.name)}.{key}": reason for item in found for key, reason in item.undefined().items()
        },
    })  # fmt: skip
    return int(not equal)


def _map(path: Path) -> Mapping[str, str]:
    """Return the pairs of names that a JSON file lists. Raises ConfigError."""
    from cnnkit.exporters.core import strict_json

    try:
        found = strict_json.loads(path.read_bytes())
    except ValueError as error:
        raise ConfigError(f"--map {path}: not JSON: {printable(str(error))}") from None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ConfigError(f'--map {path}: expected {{"name in A": "name in B", ...}}')
    return found


def _chosen(pairing: "Pairing", only: str) -> "Pairing":
    from cnnkit.inspection.layer_tree import match
    from cnnkit.inspection.pairing import Pairing

    tensors = [tensor for pair in pairing.pairs for tensor in (pair.a, pair.b)]
    chosen = {id(t) for t in match((*tensors, *pairing.only_in_a, *pairing.only_in_b), only, "--only")}
    return Pairing(
        tuple(pair for pair in pairing.pairs if id(pair.a) in chosen or id(pair.b) in chosen),
        tuple(tensor for tensor in pairing.only_in_a if id(tensor) in chosen),
        tuple(tensor for tensor in pairing.only_in_b if id(tensor) in chosen),
    )


def _say(output: Output, found: list["Difference"], left: _Shown) -> None:
    headings = ("A", "B", "paired by", "status", "max abs", "max rel", "ulp", "L2", "first at", "transform")
    print_table(output, headings, [_row(item) for item in found], "wwwwrrrr")
    for side, tensors in zip("AB", left, strict=True):
        for tensor in tensors:
            output.say(Text(f"only in {side}: {printable(tensor.name)}, {shape_text(tensor.shape)}, {tensor.kind}"))
    if found:
        counts = Counter(item.status for item in found)
        output.say(Text(f"{len(found)} pairs: " + ", ".join(f"{n} {status}" for status, n in counts.items())))


def _row(item: "Difference") -> list[str | Text]:
    a, b, known = item.pair.a, item.pair.b, item.distance
    status = Text(item.status, style=_STYLES[item.status])
    start: list[str | Text] = [printable(a.name), printable(b.name), item.pair.paired_by, status]
    if known is None:
        return [*start, "", "", "", "", "", f"{shape_text(a.shape)} against {shape_text(b.shape)}"]
    notes = [item.transform] if item.transform else []
    if a.dtype != b.dtype:
        notes.append(f"{a.dtype} against {b.dtype}")
    if known.incomparable:
        notes.append(f"{known.incomparable:,} not finite")
    first = "" if known.first_index is None else f"[{', '.join(map(str, known.first_index))}]"
    figures = [_figure(value) for value in (known.max_abs, known.max_rel, known.max_ulp, known.l2)]
    return [*start, *figures, first, ", ".join(notes)]


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def _say_runs(output: Output, changed: list["Change"]) -> None:
    output.say()
    if not changed:
        output.say(Text("the trainings are the same: options, data, history, final figures"))
        return
    rows = [change.to_json() for change in changed]
    print_table(output, ("training", "A", "B"), [[row["what"], _value(row["a"]), _value(row["b"])] for row in rows])


def _value(value: Any) -> str:
    return "-" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
