"""What exact numerics cost: training steps on the NumPy backend against the same steps in plain numerics, in turns.

python benchmarks/exact_steps.py [--rounds 9] [--threads 1 2]
"""

from typing import Any

from arguments import parser, positive
from rows import Row, cores, table
from turns import compete, ratios
from workloads import workload

NETS = ("lenet5", "lecture-cnn")
MOST = 4.0  # times as long as plain


def measure(rounds: int, threads: list[int]) -> list[Row]:
    """Return a row for each net and number of threads."""
    return [_compare(name, count, rounds) for name in NETS for count in dict.fromkeys(threads)]


def _compare(name: str, threads: int, rounds: int) -> Row:
    work = workload(name)
    task: dict[str, Any] = {"work": name, "threads": threads}
    kinds = {"plain": "numpy", "exact": "numpy exact"}
    results = compete({label: task | {"kind": kind} for label, kind in kinds.items()}, rounds)
    plain, exact = results["plain"], results["exact"]
    return Row(
        "exact", f"{name}, batch {work.batch_size}, {work.optimizer}, exact numerics, numpy backend", "plain numerics",
        ratios(plain, [exact]), "times as long", MOST, False, threads, ratios(plain, [exact], "cpu"),
        {"a step": f"{1e3 * exact.median():.3g} ms, plain {1e3 * plain.median():.3g} ms"},
    )  # fmt: skip


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=positive, default=9)
    arguments.add_argument("--threads", type=positive, nargs="+", default=[1, cores()])
    options = arguments.parse_args()
    print(table(measure(options.rounds, options.threads)))


if __name__ == "__main__":
    main()
