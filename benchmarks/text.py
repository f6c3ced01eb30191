"""P9: 1.85 million float32 as text, against numpy.savetxt("%.9g") and numpy.loadtxt, in turns.

    python benchmarks/text.py [ROUNDS]

The numbers have the shapes of lecture-cnn, freshly initialised. NumPy has no text file of several arrays, so it writes
all numbers as one array: one per line, as it does with an array of one axis, and, for comparison, 16 per line, where
it is fastest. cnnkit writes architecture, headings, statistics and SHA-256 too, and checks each SHA-256 on reading.
"""

import statistics
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from arguments import parser, positive
from rows import Row, table
from turns import pairs, timed

from cnnkit import Model, recipes
from cnnkit.exporters.text.format import TextFormat


def measure(rounds: int) -> list[Row]:
    """Return the rows of P9."""
    weights = Model(*recipes.get("lecture-cnn").network(), seed=0).to_weights()
    flat = np.concatenate([tensor.read().reshape(-1) for tensor in weights])
    form, rows = TextFormat(), []
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "ours.txt")
        for name, per_line, aims in (("P9", 1, (6.0, 2.0)), ("P9b", 16, (None, None))):
            theirs = Path(folder, f"{per_line}.txt")
            lines = flat if per_line == 1 else flat[: flat.size // per_line * per_line].reshape(-1, per_line)
            save, load = partial(np.savetxt, theirs, lines, "%.9g"), partial(np.loadtxt, theirs, np.float32)
            written = pairs(timed(lambda: form.write(weights, text)), timed(save), rounds)
            read = pairs(timed(lambda: form.read(text)), timed(load), rounds)
            sizes = [path.stat().st_size / 1e6 for path in (text, theirs)]
            for results, how, peer, aim in (
                (written, "written", "numpy.savetxt %.9g", aims[0]),
                (read, "read back, SHA-256 checked", "numpy.loadtxt", aims[1]),
            ):
                ours = 1000 * statistics.median(pair.ours[0] for pair in results)
                beside = {"ours": f"{ours:.0f} ms", "MB": f"{sizes[0]:.1f} against {sizes[1]:.1f}"}
                speeds, cpu = [pair.speed() for pair in results], [pair.speed(1) for pair in results]
                what, whom = f"{flat.size:,} float32 as text, {how}", f"{peer}, {per_line} a line"
                rows.append(Row(name, what, whom, speeds, aim=aim, threads=1, cpu=cpu, beside=beside))
    return rows


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("rounds", nargs="?", type=positive, default=7)
    print(table(measure(options.parse_args().rounds)))
