"""P17: what leaves cost in one process: steps in 2, 4 and 8 leaves against steps without, in turns.

    python benchmarks/leaves.py [--rounds 9] [--batch-size 128] [--only lenet5 mini-resnet] [--backend numpy]

One thread each. lenet5 and lecture-cnn add up leaves inside one captured step; mini-resnet has BatchNorm, whose leaves
wait for each other, in threads.
"""

from arguments import parser, positive
from rows import Row, table
from turns import compete, ratios

NETS = ("lenet5", "lecture-cnn")
NUMBERS = (2, 4, 8)  # of leaves
AIM = 1.03
GENERATIONS = 3  # of processes


def measure(rounds: int, batch_size: int = 128, only: tuple[str, ...] = NETS, backend: str = "numpy") -> list[Row]:
    """Return a row for each net and leaf."""
    rows = []
    for net in only:
        print(f"P17, {net} ...", flush=True)
        task = {"work": net, "kind": backend, "threads": 1, "batch_size": batch_size}
        leaves = [batch_size // number for number in NUMBERS]
        tasks = {"none": task} | {str(leaf): task | {"leaf": leaf} for leaf in leaves}
        results = compete(tasks, rounds, GENERATIONS)
        whole = results["none"]
        for leaf in leaves:
            of = results[str(leaf)]
            what = f"{net}, batch {batch_size}, {backend} backend, --leaf {leaf}"
            rows.append(
                Row("P17", what, "no leaf", ratios(whole, [of]), "times as long", AIM, False, 1,
                    cpu=ratios(whole, [of], "cpu"), beside={"a step": f"{1e3 * of.median():.3g} ms"})
            )  # fmt: skip
    return rows


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=positive, default=9, help="rounded up to a multiple of 3")
    arguments.add_argument("--batch-size", type=positive, default=128)
    arguments.add_argument("--only", nargs="+", default=list(NETS))
    arguments.add_argument("--backend", default="numpy")
    options = arguments.parse_args()
    print("\n" + table(measure(options.rounds, options.batch_size, tuple(options.only), options.backend)))


if __name__ == "__main__":
    main()
