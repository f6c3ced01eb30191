"""P12: `cnnkit --help` against `--help` of an empty typer app with as many commands, whole processes in turns.

    python benchmarks/startup.py [ROUNDS]

Target: at most 1.3 times the empty app.
"""

import statistics
import subprocess
import sys
import time

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


def seconds(arguments: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments, "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main(rounds: int) -> None:
    count = len(SUMMARIES)
    pairs = []
    for _ in range(rounds + 1):
        pairs.append((seconds(["-m", "cnnkit.cli"]), seconds(["-c", EMPTY.format(count=count)])))
    ratios = sorted(ours / theirs for ours, theirs in pairs[1:])  # the first pair warms up
    print(
        f"P12 cnnkit --help / an empty app of {count} commands: {statistics.median(ratios):.2f} "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f}), target <= 1.3"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
