"""P12: `cnnkit --help` against `--help` of an empty typer app with as many commands, whole processes in turns.

python benchmarks/startup.py [ROUNDS]
"""

import sys

from arguments import parser, positive
from rows import Row, table
from turns import pairs, process

from cnnkit.cli.commands import SUMMARIES

EMPTY = """
import typer
app = typer.Typer()
def make(name):
    def command(): 'Nothing.'
    app.command(name)(command)
for i in range({count}): make(f"command{{i}}")
app()
"""


def measure(rounds: int) -> list[Row]:
    """Return the row of P12."""
    results = pairs(
        lambda: process([sys.executable, "-m", "cnnkit.cli", "--help"])[:2],
        lambda: process([sys.executable, "-c", EMPTY.format(count=len(SUMMARIES)), "--help"])[:2],
        rounds,
    )
    times, cpu = [1 / pair.speed() for pair in results], [1 / pair.speed(1) for pair in results]
    peer = f"an empty typer app of {len(SUMMARIES)} commands"
    return [Row("P12", "cnnkit --help", peer, times, "times as long", 1.3, False, cpu=cpu)]


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("rounds", nargs="?", type=positive, default=15)
    print(table(measure(options.parse_args().rounds)))
