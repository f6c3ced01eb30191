"""A model of many workers on a network, from parts measured on this machine: how long a step takes with N of them.

    python benchmarks/cluster.py [--workers 64] [--rounds 5] [--gbit 10 25] [--latency 25] [--read]

Measured here: c, an image forward and backward, and u, what a step costs besides (the update above all), as the line
through the times of steps of several sizes, each in a process of its own with one thread, in
processor time; G, the bytes of the gradient;
m, a message sent and received in Python and MPI. Assumed, and said in the table: the network's bits a second B and its
latency L. With leaves of b images, as many as workers, a step takes

    b c + u + 2 ((N - 1) m + L) + 2 (N - 1) / N G / B        seconds

which sends what the tree sends where N is a power of two, and overlaps nothing. The table is printed as Markdown, the
measured parts are written to docs/measurements/cluster.json; --read takes those instead of measuring.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from arguments import parser, positive
from groups import LAUNCHERS, time_messages
from rows import machine
from turns import compete

FIGURES = Path(__file__).parents[1] / "docs" / "measurements" / "cluster.json"
NETS = ("lecture-cnn", "lenet5")
SIZES = (16, 32, 64, 128)  # images of the steps that are measured
LEAVES = (16, 64)  # images of the leaves in the table


@dataclass(frozen=True)
class Parts:
    """What a step of one worker consists of.

    image, besides: seconds of an image, and of a step without any. gradient: bytes. step: {images: measured seconds}.
    """

    image: float
    besides: float
    gradient: int
    step: dict[str, float]


@dataclass(frozen=True)
class Network:
    """Assumed: bits a second of a worker's connection, and seconds until a message arrives."""

    bits: float
    latency: float


def predict(parts: Parts, leaf: int, workers: int, network: Network, message: float) -> float:
    """Return the seconds of a step in which each worker has one leaf of so many images; message: seconds of one."""
    compute = leaf * parts.image + parts.besides
    if workers == 1:
        return compute
    others = workers - 1
    sent = 2 * others / workers * parts.gradient * 8 / network.bits
    return compute + 2 * (others * message + network.latency) + sent


def speed_up(parts: Parts, leaf: int, workers: int, network: Network, message: float) -> float:
    """Return how many times as fast the workers are as one alone that computes the same batch in one step."""
    alone = workers * leaf * parts.image + parts.besides
    return alone / predict(parts, leaf, workers, network, message)


def measure(net: str, rounds: int) -> Parts:
    """Return the parts of a step of a recipe, on NumPy with one thread."""
    from cnnkit import Model, recipes
    from cnnkit.tree import flatten

    tasks = {str(size): {"kind": "numpy", "work": net, "threads": 1, "batch_size": size} for size in SIZES}
    seconds = {size: contestant.median("cpu") for size, contestant in compete(tasks, rounds).items()}
    image, besides = np.polynomial.Polynomial.fit(SIZES, list(seconds.values()), 1).convert().coef[::-1]
    network, shape = recipes.get(net).network()
    model = Model(network, shape, backend="numpy", threads=1, seed=0)
    gradient = 4 * sum(array.size for array in flatten(model.to_host(model.params)).values())
    return Parts(float(image), max(float(besides), 0.0), int(gradient), seconds)


def measure_message(rounds: int) -> float:
    """Return the seconds of Python and MPI for a message that is sent and received, in a process under mpiexec."""
    command = [*LAUNCHERS["mpi"](1), str(Path(__file__)), "--messages", "--rounds", str(rounds)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout) / 63 / 1000


def tabulate(parts: dict[str, Parts], message: float, workers: int, networks: list[Network]) -> Iterator[str]:
    """Yield the lines of the table."""
    heads = [f"a step, {network.bits / 1e9:g} Gbit/s | times as fast as one" for network in networks]
    yield f"| network | c, u, G | leaf b, batch {workers} b | {' | '.join(heads)} |"
    yield "| --- " * (3 + 2 * len(networks)) + "|"
    for net, of in parts.items():
        about = f"{1e3 * of.image:.2g} ms, {1e3 * of.besides:.2g} ms, {of.gradient / 1e6:.2g} MB"
        for leaf in LEAVES:
            cells = [
                f"{1e3 * predict(of, leaf, workers, network, message):.1f} ms"
                f" | {speed_up(of, leaf, workers, network, message):.0f}"
                for network in networks
            ]
            yield f"| `{net}` | {about} | {leaf}, {workers * leaf} | {' | '.join(cells)} |"


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--workers", type=positive, default=64)
    arguments.add_argument("--rounds", type=positive, default=5)
    arguments.add_argument("--gbit", type=float, nargs="+", default=[10.0, 25.0], help="of a worker's connection")
    arguments.add_argument("--latency", type=float, default=25.0, help="of the network, in microseconds")
    arguments.add_argument("--read", action="store_true", help="the parts of docs/measurements/cluster.json")
    arguments.add_argument("--messages", action="store_true", help="under mpiexec: the milliseconds of 63 messages")
    options = arguments.parse_args()
    if options.messages:
        print(time_messages(20 * options.rounds))
        return
    if options.read:
        figures = json.loads(FIGURES.read_text("utf-8"))
        parts, message = {net: Parts(**of) for net, of in figures["parts"].items()}, figures["message"]
    else:
        parts = {net: measure(net, options.rounds) for net in NETS}
        message = statistics.median(measure_message(options.rounds) for _ in range(3))
        figures = {"machine": machine(), "message": message, "parts": {net: asdict(of) for net, of in parts.items()}}
        FIGURES.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    networks = [Network(1e9 * gbit, 1e-6 * options.latency) for gbit in options.gbit]
    print(f"m {1e6 * message:.1f} us (measured), L {options.latency:g} us (assumed)")
    print("\n".join(tabulate(parts, message, options.workers, networks)))


if __name__ == "__main__":
    sys.exit(main())
