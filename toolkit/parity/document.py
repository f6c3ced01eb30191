"""A report as headings, paragraphs and tables, which terminal, Markdown and HTML show each in its own way."""

from collections.abc import Iterator, Sequence
from typing import Any

from cnnkit.documents import Block, Cell, Paragraph, SectionHeading, Table, TableEntry, count
from cnnkit.parity.results import ParityResults, ParityRow, worst
from cnnkit.parity.trainings import SECTION, parted, told
from cnnkit.parity.wording import FAIL, PASS, error_text, judge


def document(report: ParityResults) -> Iterator[Block]:
    """Yield the whole report, as a backend author publishes it."""
    yield SectionHeading(f"Parity of {', '.join(report.backends)}: {PASS if report.passed else FAIL}", 1)
    yield from (Paragraph(line) for line in verdict(report))
    yield Table(("what", "value"), tuple((name, _plain(value)) for name, value in report.machine.items()))
    yield from summaries(report)
    if report.extras:
        yield SectionHeading("Besides")
        yield Table(("what", "value"), tuple((name, _plain(value)) for name, value in report.extras.items()))
    yield SectionHeading("Every row")
    yield all_rows(report.rows)


def verdict(report: ParityResults) -> Iterator[str]:
    """Yield what came out, in sentences."""
    failed = len(report.failures)
    cases = sum(row.cases for row in report.rows)
    if not failed:
        yield f"All {len(report.rows)} rows pass: {cases:,} comparisons in {report.seconds:.0f} s."
        return
    yield f"{failed} of {len(report.rows)} rows fail ({cases:,} comparisons in {report.seconds:.0f} s)."
    first = report.first_divergence
    if first is not None:
        yield f"First divergence: {described(first)}"


def described(row: ParityRow) -> str:
    """Return a failing row in words."""
    text = f"{row.name} ({row.kind}) of {row.backend} in {row.dtype}, against {row.against}: "
    text += row.problem or f"{error_text(row.error)} where {row.bound:.0e} is allowed"
    text += f"; case: {row.worst}" if row.worst else ""
    return text + (f"; explained by: {row.explained}" if row.explained else "")


def summaries(report: ParityResults) -> Iterator[Block]:
    """Yield for each section a table of the largest errors: a line a check, a column a backend."""
    for section, rows in report.sections().items():
        yield SectionHeading(section.capitalize())
        if section == SECTION:
            yield from told(report.trainings)
        else:
            yield summary(rows, report.backends)


def totals(report: ParityResults) -> Table:
    """Return a line a section: its rows, how many fail, its comparisons."""
    lines = [
        (section, count(len(rows)), count(sum(not row.passed for row in rows)), count(sum(row.cases for row in rows)),
         judge(all(row.passed for row in rows)))
        for section, rows in report.sections().items()
    ]  # fmt: skip
    return Table(("section", "rows", "failed", "comparisons", "verdict"), lines, " rrr")


def parted_trainings(report: ParityResults) -> Iterator[Block]:
    """Yield what is known of the trainings that left their bound."""
    for trajectory in report.trainings:
        if not trajectory.passed:
            yield from parted(trajectory)


def summary(rows: Sequence[ParityRow], backends: Sequence[str]) -> Table:
    """Return the largest errors: in a backend's column against the reference or known answers, in the last between."""
    lines: dict[tuple[str, str, str], list[ParityRow]] = {}
    for row in rows:
        lines.setdefault((row.name, row.kind, row.dtype), []).append(row)
    shown = [name for name in backends if any(row.backend == name for row in rows)]
    cells = []
    for (name, kind, dtype), group in lines.items():
        own = [worst(r for r in group if r.backend == b and r.truth) for b in shown]
        between = worst(r for r in group if not r.truth)
        bounds = {f"{row.bound:.0e}" if row.bound else "0" for row in group}
        cells.append((
            name, kind, dtype, *(_cell(row) for row in (*own, between)), " ".join(sorted(bounds)),
            str(sum(row.cases for row in group)), judge(all(row.passed for row in group)),
        ))  # fmt: skip
    headings = ("check", "kind", "dtype", *shown, "between", "bound", "cases", "verdict")
    return Table(headings, tuple(cells), "ww " + "r" * (len(shown) + 3))


def all_rows(rows: Sequence[ParityRow]) -> Table:
    """Return a line a row."""
    headings = ("check", "kind", "backend", "dtype", "against", "largest error", "bound", "cases", "verdict", "note")
    lines = tuple(
        (
            row.name, row.kind, row.backend, row.dtype, row.against, error_text(row.error), f"{row.bound:.1e}",
            str(row.cases), judge(row.passed), "; ".join(filter(None, (row.problem, row.explained))),
        )
        for row in rows
    )  # fmt: skip
    return Table(headings, lines, "www wrrr")


def _cell(row: ParityRow | None) -> Cell:
    if row is None:
        return "-"
    return error_text(row.error) if row.passed else TableEntry(f"{error_text(row.error)} !", style="red")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_plain(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    return str(value)
