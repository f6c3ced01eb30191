"""Run the five reference systems as recipes and print the result of each beside the published one.

    CNNKIT_DATA_DIR=... python benchmarks/reference_systems.py [NAME ...]

Needs the real MNIST. Every row is the result of the commands printed with it; the lines are Markdown.
"""

import csv
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from arguments import parser

from cnnkit import load_data

FOLDER = Path(tempfile.mkdtemp(prefix="cnnkit-reference-"))


def cnnkit(line: str) -> dict:
    """Run one command of cnnkit in the temporary folder and return its JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "cnnkit.cli", *line.split(), "--json"],
        cwd=FOLDER, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    answer = json.loads(done.stdout)
    if done.returncode:
        raise SystemExit(f"cnnkit {line}: {answer['error']['message']}")
    return answer


def print_row(what: str, published: str, here: str, command: str) -> None:
    print(f"| {what} | {published} | {here} | `cnnkit {command}` |", flush=True)


def run_seeds(line: str, count: int) -> list[dict]:
    return [cnnkit(f"{line} --seed {seed} -o {abs(hash(line))}-{seed}.h5") for seed in range(count)]


def format_spread(values: list[float], digits: int) -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def digits_cnn() -> None:
    line = "train"
    runs = run_seeds(line, 5)
    accuracies = [100 * run["test"]["accuracy"] for run in runs]
    seconds = [run["seconds"] for run in runs]
    print_row("digits-cnn, test accuracy, seed 0", "", f"{accuracies[0]:.2f} %", line)
    print_row(
        "the same, median of 5 seeds",
        "",
        f"{format_spread(accuracies, 2)} %, {format_spread(seconds, 1)} s",
        f"{line} --seed S",
    )


def diy_cnn() -> None:
    line = "train --recipe diy-cnn --limit 1000 --limit-test 200"
    for what, more, count, published in (
        ("Glorot, learning rate 0.01", "", 5, "0.049"),
        ("Glorot, learning rate 0.1", " --learning-rate 0.1", 5, "0.0256, 85.5 %"),
        ("published initialisation", " --faithful", 20, "0.076310, 37.5 % (one run)"),
    ):
        tests = [run["test"] for run in run_seeds(line + more, count)]
        mse, accuracy = [t["mse"] for t in tests], [100 * t["accuracy"] for t in tests]
        here = f"{format_spread(mse, 4)}; {format_spread(accuracy, 1)} %"
        print_row(f"A diy-cnn, {what}: test MSE; accuracy, {count} seeds", published, here, f"{line}{more} --seed S")


def pesos() -> None:
    import os

    file = Path(os.environ["CNNKIT_DATA_DIR"]).resolve() / "diy-cnn/pesos.json"
    for backend in ("numpy", "torch", "reference"):
        line = f"evaluate {file} --data mnist --limit 200 --backend {backend}"
        result = cnnkit(line)
        here = f"{result['mse']:.6f}, {100 * result['accuracy']:.1f} %"
        print_row(
            "A its own pesos.json: test MSE, accuracy", "0.076310, 37.5 %", here, line.replace(str(file), "pesos.json")
        )


def lecture_cnn() -> None:
    for backend in ("numpy", "torch"):
        line = f"train --recipe lecture-cnn --epochs 3 --backend {backend}"
        run = cnnkit(f"{line} -o lecture-{backend}.h5")
        here = f"{100 * run['test']['accuracy']:.2f} %, {run['parameters']:,} parameters, {run['seconds']:.0f} s"
        print_row("B lecture-cnn, MNIST test accuracy after 3 epochs", "1,853,034 parameters", here, line)


def bright_dark() -> None:
    line = "train --recipe bright-dark"
    run = cnnkit(f"{line} -o bright-dark.h5")
    result = cnnkit("evaluate bright-dark.h5")
    here = (
        f"loss {result['loss']:.4f}, accuracy {result['accuracy']:.2f}, precision {result['precision']:.2f}, "
        f"recall {result['recall']:.2f}, F1 {result['f1']:.2f}, ROC-AUC {result['roc_auc']:.2f}"
    )
    losses = " ".join(f"{run['history'][epoch - 1]['loss']:.2f}" for epoch in (20, 40, 60, 80, 100))
    print_row(
        "C bright-dark after 100 epochs",
        "loss 0.08, accuracy 0.95",
        here,
        "train --recipe bright-dark && cnnkit evaluate",
    )
    print_row("C its loss every 20 epochs", "0.40 0.25 0.15 0.10 0.08", losses, line)


def scratch_mlp() -> None:
    line = "train --recipe scratch-mlp"
    wishes = " --initializer glorot --batch-size 8 --optimizer sgd:momentum=0.9"
    wishes += " --learning-rate 0.02 --schedule inverse:decay=0.1"
    for what, more, published in (("as published", "", "93.4 %"), ("its author's wishes", wishes, "")):
        run = cnnkit(f"{line}{more} -o scratch-{len(more)}.h5")
        during = " ".join(f"{100 * entry['accuracy']:.1f}" for entry in run["history"])
        after = cnnkit(f"evaluate scratch-{len(more)}.h5 --split train")
        here = f"{during} % during, {100 * after['accuracy']:.2f} % after; test {100 * run['test']['accuracy']:.2f} %"
        print_row(f"D scratch-mlp, {what}: training images right, 5 epochs", published, here, line + more)


def numpy_mlp() -> None:
    images, labels = load_data("mnist").train.take(range(60_000))
    with (FOLDER / "mnist.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["label", *(f"pixel{i}" for i in range(784))])
        for x, y in zip(images.reshape(len(images), -1).tolist(), labels.tolist(), strict=True):
            writer.writerow([y, *x])
    line = "train --recipe numpy-mlp --data mnist.csv --validation-split 0.01667"
    runs = run_seeds(line, 4)
    accuracies = [100 * run["history"][-1]["accuracy"] for run in runs]
    print_row(
        "E numpy-mlp from a CSV: training images right, 500 iterations, 4 seeds",
        "83.7 %",
        f"{format_spread(accuracies, 1)} %",
        f"{line} --seed S",
    )


def lenet5() -> None:
    line = "train --recipe lenet5"
    run = cnnkit(f"{line} -o lenet5.h5")
    print_row(
        "lenet5, MNIST test accuracy, NumPy alone",
        "",
        f"{100 * run['test']['accuracy']:.2f} %, {run['seconds']:.0f} s",
        line,
    )


def mini_resnet() -> None:
    line = "train --recipe mini-resnet"
    run = cnnkit(f"{line} -o mini-resnet.h5")
    print_row(
        "mini-resnet, MNIST test accuracy", "", f"{100 * run['test']['accuracy']:.2f} %, {run['seconds']:.0f} s", line
    )


SYSTEMS: dict[str, Callable[[], None]] = {
    f.__name__: f
    for f in (digits_cnn, pesos, diy_cnn, lecture_cnn, bright_dark, scratch_mlp, numpy_mlp, lenet5, mini_resnet)
}


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("name", nargs="*", help=", ".join(SYSTEMS))
    chosen = options.parse_args().name or list(SYSTEMS)
    if not set(chosen) <= set(SYSTEMS):
        options.error(f"expected some of {', '.join(SYSTEMS)}, got {', '.join(chosen)}")
    print("| what | published | here | command |\n| --- | --- | --- | --- |")
    for name in chosen:
        SYSTEMS[name]()
