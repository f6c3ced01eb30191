"""P10: lecture-cnn (1,853,034 parameters) and scratch-mlp as SVG: time to write, size, and time to open in Chromium.

    python benchmarks/svg.py [ROUNDS]

Targets: lecture-cnn in at most 10 s, 40 MB and 5 s to open; scratch-mlp at most 4 MB. The time to open is that of a
whole run of headless Chromium that takes a screenshot; the time of an empty SVG is printed beside it.
"""

import re
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from arguments import parser, positive
from rows import Row, table
from turns import timed

from cnnkit import Model, recipes
from cnnkit.exporters.svg.format import SvgFormat

EMPTY = '<svg xmlns="http://www.w3.org/2000/svg" width="1240" height="1000"/>'


def measure_seconds(work: Callable[[], object], rounds: int) -> list[float]:
    call = timed(work)
    return [call()[0] for _ in range(rounds)]


def open_once(chromium: str, path: Path) -> None:
    size = re.search(rb'height="(\d+)"', path.read_bytes()[:500])
    height = int(size[1]) if size else 1000
    flags = "--headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run".split()  # noqa: SIM905
    output = [f"--user-data-dir={path.parent / 'profile'}", f"--screenshot={path.with_suffix('.png')}"]
    command = [chromium, *flags, *output, f"--window-size=1240,{height}", path.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def measure(rounds: int) -> list[Row]:
    """Return the rows of P10."""
    form, chromium, rows = SvgFormat(), shutil.which("chromium") or shutil.which("google-chrome"), []
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder, "empty.svg")
        empty.write_text(EMPTY)
        for name, most in (("lecture-cnn", 40), ("scratch-mlp", 4)):
            weights = Model(*recipes.get(name).network(), metadata={"recipe": name}).to_weights()
            path, what = Path(folder, f"{name}.svg"), f"{name} as SVG, {weights.parameters:,} parameters"
            written = measure_seconds(lambda w=weights, p=path: form.write(w, p), rounds)
            read = measure_seconds(lambda p=path: [tensor.read() for tensor in form.read(p)], rounds)
            beside = {"read back": f"{statistics.median(read):.2f} s"}
            rows.append(Row("P10", f"{what}, written", "", written, "s", 10.0, False, beside=beside))
            rows.append(Row("P10", f"{what}, size", "", [path.stat().st_size / 1e6], "MB", most, False))
            if chromium:
                base = statistics.median(measure_seconds(lambda: open_once(chromium, empty), rounds))
                shown = measure_seconds(lambda p=path: open_once(chromium, p), rounds)
                beside = {"an empty page": f"{base:.2f} s"}
                rows.append(Row("P10", f"{what}, opened in Chromium", "", shown, "s", 5.0, False, beside=beside))
    if not chromium:
        print("P10: Chromium is not installed: nothing was opened")
    return rows


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("rounds", nargs="?", type=positive, default=3)
    print(table(measure(options.parse_args().rounds)))
