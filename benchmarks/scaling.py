"""How training scales: time per image over data size, throughput and memory over batch size and threads.

    python benchmarks/scaling.py [--rounds 3] [--net lenet5] [--draw]

Draws docs/pictures/scaling.png and writes docs/measurements/scaling.json. cnnkit on NumPy and on PyTorch and
hand-written eager PyTorch take turns, each in its own process; the medians are drawn.
"""

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from arguments import parser, positive
from rows import cores, machine
from turns import compete

ROOT = Path(__file__).parents[1]
PICTURE, FIGURES = ROOT / "docs" / "pictures" / "scaling.png", ROOT / "docs" / "measurements" / "scaling.json"
IMAGES = (1000, 3000, 10_000, 30_000, 60_000)
BATCHES = tuple(2**power for power in range(11))
KINDS = {"numpy": "cnnkit, NumPy", "torch": "cnnkit, PyTorch", "pytorch": "PyTorch by hand"}
COLOURS = {"numpy": "#1f5fa8", "torch": "#d9822b", "pytorch": "#666666"}

# The training loop itself, with shuffling, reports and progress: argv is net, backend, images, epochs.
EPOCH = """
import sys, time, numpy as np
from cnnkit import Model, Options, Training, recipes
from cnnkit.data.dataset import Dataset
from cnnkit.data.split import Split
from cnnkit.data.scaling import Scaling
network, shape = recipes.get(sys.argv[1]).network()
images, rng = int(sys.argv[3]), np.random.default_rng(0)
data = Split(rng.integers(256, size=(images, *shape)).astype(np.uint8), rng.integers(10, size=images))
dataset = Dataset("random", data, None, tuple(map(str, range(10))), shape, Scaling(factor=1 / 255))
options = Options(batch_size=128, epochs=int(sys.argv[4]), optimizer="adam", learning_rate=1e-3, validation_split=0.0)
model = Model(network, shape, backend=sys.argv[2], threads=1, seed=0)
for report in Training(model, dataset, options).epochs():
    pass
print(report.entry["seconds"] / images)
"""


def time_image(net: str, backend: str, images: int) -> float:
    """Return the microseconds per image of the last epoch.

    With few images the smaller last batch matters; it is captured in its fourth epoch.
    """
    epochs = 7 if images < 10_000 else 3
    command = [sys.executable, "-c", EPOCH, net, backend, str(images), str(epochs)]
    return 1e6 * float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure_sizes(net: str, rounds: int) -> dict[str, Any]:
    """Return {backend: {images: median microseconds per image}}; the sizes take turns."""
    results: dict[str, dict[int, list[float]]] = {b: {n: [] for n in IMAGES} for b in ("numpy", "torch")}
    for _ in range(rounds):
        for images in IMAGES:
            for backend, times in results.items():
                times[images].append(time_image(net, backend, images))
    medians = {b: {n: statistics.median(values) for n, values in times.items()} for b, times in results.items()}
    for backend, times in medians.items():
        print(
            f"{backend}: " + ", ".join(f"{n:,} images: {value:.1f} us each" for n, value in times.items()), flush=True
        )
    return medians


def measure_batches(net: str, threads: int, rounds: int) -> dict[str, Any]:
    """Return {kind: {batch size: {"images_per_second", "megabytes"}}}."""
    results: dict[str, dict[int, dict[str, float]]] = {kind: {} for kind in KINDS}
    for size in BATCHES:
        task = {"work": net, "threads": threads, "batch_size": size}
        done = compete({kind: task | {"kind": kind} for kind in KINDS}, rounds)
        for kind, contestant in done.items():
            results[kind][size] = {
                "images_per_second": size / contestant.median(), "megabytes": contestant.median("peak") / 1e6
            }  # fmt: skip
        line = ", ".join(f"{KINDS[kind]} {results[kind][size]['images_per_second']:,.0f}" for kind in KINDS)
        print(f"{threads} threads, batch {size}: {line} images/s", flush=True)
    return results


def draw(net: str, sizes: dict[str, Any], batches: dict[int, dict[str, Any]]) -> None:
    """Draw the three plots side by side."""
    import matplotlib.pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 4.2), layout="constrained")
    for backend, times in sizes.items():
        left.plot(list(times), list(times.values()), "o-", color=COLOURS[backend], label=KINDS[backend])
    left.set(xscale="log", ylim=(0, None), xlabel="images in the data set", ylabel="microseconds an image",
             title="an epoch of training, one thread")  # fmt: skip
    left.set_xticks(IMAGES, [f"{n:,}" for n in IMAGES])
    left.minorticks_off()
    for threads, kinds in batches.items():
        for kind, results in kinds.items():
            style = "o-" if threads == 1 else "s--"
            label = f"{KINDS[kind]}, {threads} thread{'s' if threads > 1 else ''}"
            speeds = [results[size]["images_per_second"] for size in results]
            middle.plot(list(results), speeds, style, color=COLOURS[kind], label=label, markersize=4)
    middle.set(xscale="log", yscale="log", xlabel="images a batch", ylabel="images/s", title="throughput of a step")
    for kind, results in batches[1].items():
        right.plot(
            list(results),
            [results[size]["megabytes"] for size in results],
            "o-",
            color=COLOURS[kind],
            label=KINDS[kind],
        )
    right.set(
        xscale="log", yscale="log", xlabel="images a batch", ylabel="MB", title="memory that a step adds, one thread"
    )
    for axes in (middle, right):
        axes.set_xticks(BATCHES[::2], [str(size) for size in BATCHES[::2]])
        axes.minorticks_off()
    for axes in (left, middle, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, frameon=False)
    figure.suptitle(f"{net}, Adam" + ("" if net != "lenet5" else ", 61,706 parameters"))
    figure.savefig(PICTURE, dpi=110)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=positive, default=3)
    arguments.add_argument("--net", default="lenet5", choices=("lenet5", "lecture-cnn", "diy-cnn"))
    arguments.add_argument("--draw", action="store_true", help="draw the stored figures of the last run")
    options = arguments.parse_args()
    if options.draw:
        figures = json.loads(FIGURES.read_text("utf-8"))
        sizes = {b: {int(n): value for n, value in times.items()} for b, times in figures["by_size"].items()}
        batches = {
            int(t): {kind: {int(n): value for n, value in values.items()} for kind, values in kinds.items()}
            for t, kinds in figures["by_batch"].items()
        }
    else:
        sizes = measure_sizes(options.net, options.rounds)
        batches = {t: measure_batches(options.net, t, options.rounds) for t in dict.fromkeys((1, cores()))}
        figures = {"machine": machine(), "net": options.net, "by_size": sizes, "by_batch": batches}
        FIGURES.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    draw(figures["net"], sizes, batches)
    flat = [max(times.values()) / min(times.values()) for times in sizes.values()]
    print(f"cost per image from {IMAGES[0]:,} to {IMAGES[-1]:,}: largest / smallest {np.round(flat, 2).tolist()}")
    print(f"wrote {PICTURE}" + ("" if options.draw else f" and {FIGURES}"))


if __name__ == "__main__":
    main()
