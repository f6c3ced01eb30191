"""Runs all benchmarks, prints the table, and writes it as JSON and into docs/performance.md.

    python benchmarks/bench.py [--quick] [--only training text ...]

cnnkit and its peers take turns on the same data and threads. --quick runs fewer rounds and stores nothing.
"""

from collections.abc import Callable
from pathlib import Path

import augmented
import exact_steps
import inspection
import leaves
import startup
import svg
import text
import time_to_accuracy
import training
from arguments import parser
from rows import Row, cores, load, machine, store, table

ROOT = Path(__file__).parents[1]
PAGE, FIGURES = ROOT / "docs" / "performance.md", ROOT / "docs" / "measurements" / "cpu.json"
BEGIN, END = "<!-- make bench writes from here -->", "<!-- to here -->"

BENCHMARKS: dict[str, Callable[[int], list[Row]]] = {
    "training": lambda rounds: training.measure(rounds, [1, cores()], list(training.CONTESTS)),
    "exact": lambda rounds: exact_steps.measure(rounds, [1, cores()]),
    "augmented": lambda rounds: augmented.measure(rounds, [1, cores()]),
    "time_to_accuracy": lambda rounds: time_to_accuracy.measure(max(1, rounds // 3)),
    "leaves": leaves.measure,
    "text": text.measure,
    "svg": lambda rounds: svg.measure(max(3, rounds // 2)),
    "inspection": lambda rounds: inspection.measure(1024, max(3, rounds - 2)),
    "startup": lambda rounds: startup.measure(3 * rounds),
}


def merge(stored: list[Row], rows: list[Row]) -> list[Row]:
    """Return the stored rows, those with the key of a new row replaced by it."""
    return list({row.key: row for row in (*stored, *rows)}.values())


def describe(rows: list[Row], on: dict[str, str]) -> str:
    """Return the text of the page that this program writes."""
    where = ", ".join(f"{name} {value}" for name, value in on.items())
    missed = [row.id + (f" on {row.threads} threads" if (row.threads or 1) > 1 else "") for row in rows if row.missed]
    days = sorted({row.day for row in rows})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return f"Measured {when}: {where}. Aims missed: {', '.join(missed) or 'none'}.\n\n{table(rows)}"


def write_page(text: str) -> None:
    """Put the text between the markers in docs/performance.md."""
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", "utf-8")


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--quick", action="store_true", help="three rounds; nothing is stored")
    arguments.add_argument("--only", nargs="+", default=list(BENCHMARKS), choices=list(BENCHMARKS))
    options = arguments.parse_args()
    rounds = 3 if options.quick else 9
    here, whole = machine(), len(options.only) == len(BENCHMARKS)
    stored = [] if whole or options.quick else load(FIGURES, here)  # rows not measured now stay as they are
    rows: list[Row] = []
    for name in options.only:
        print(f"\n{name}", flush=True)
        rows += BENCHMARKS[name](rounds)
    print("\n" + table(rows))
    if options.quick:
        return
    rows = merge(stored, rows)
    store(FIGURES, rows, here)
    write_page(describe(rows, here))
    print(f"\nwrote {FIGURES} and {PAGE}")


if __name__ == "__main__":
    main()
