"""P10: lecture-cnn (1,853,034 parameters) and scratch-mlp as SVG: time, size, and how long Chromium takes to open it.

    python benchmarks/svg.py [ROUNDS]

Targets: lecture-cnn in at most 10 s, 40 MB and 5 s to open; scratch-mlp at most 4 MB. The time to open is that of a
whole headless Chromium that takes a screenshot; an empty SVG's is printed beside it.
"""

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cnnkit import Model, recipes
from cnnkit.exporters.svg.svg_format import SvgFormat

EMPTY = '<svg xmlns="http://www.w3.org/2000/svg" width="1240" height="1000"/>'


def median_seconds(work: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def opened(chromium: str, path: Path) -> None:
    size = re.search(rb'height="(\d+)"', path.read_bytes()[:500])
    height = int(size[1]) if size else 1000
    flags = "--headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run".split()  # noqa: SIM905
    place = [f"--user-data-dir={path.parent / 'profile'}", f"--screenshot={path.with_suffix('.png')}"]
    command = [chromium, *flags, *place, f"--window-size=1240,{height}", path.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def main(rounds: int) -> None:
    form, chromium = SvgFormat(), shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder, "empty.svg")
        empty.write_text(EMPTY)
        base = median_seconds(lambda: opened(chromium, empty), rounds) if chromium else None
        print("| net | parameters | write s | read s | MB | open s | empty SVG s |\n|---|---|---|---|---|---|---|")
        for name in ("lecture-cnn", "scratch-mlp"):
            weights = Model(*recipes.get(name).network(), metadata={"recipe": name}).to_weights()
            path = Path(folder, f"{name}.svg")
            write = median_seconds(lambda w=weights, p=path: form.write(w, p), rounds)
            read = median_seconds(lambda p=path: [tensor.read() for tensor in form.read(p)], rounds)
            open_ = median_seconds(lambda p=path: opened(chromium, p), rounds) if chromium else None
            shown = [f"{t:.2f}" if t is not None else "no Chromium" for t in (open_, base)]
            size = path.stat().st_size / 1e6
            print(f"| {name} | {weights.parameters:,} | {write:.2f} | {read:.2f} | {size:.1f} | {' | '.join(shown)} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
