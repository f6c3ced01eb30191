"""P6: time from program start to 99.0 % on MNIST's test images, against Keras 3 with its stock MNIST convnet.

    python benchmarks/time_to_accuracy.py [--rounds 3] [--keras torch]        (MNIST in CNNKIT_DATA_DIR)

cnnkit runs the recipe lenet5 on the NumPy backend with a short schedule, fixed beforehand; a run that ends below 99.0 %
counts as one that never reaches it. Keras' example (simple_mnist_convnet: two convolutions, dropout, Adam, batches of
128) evaluates the test images after every epoch and stops at 99.0 %. Wall time of whole processes, in turns.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from arguments import parser, positive
from rows import Row, table

GOAL = 0.99
OURS = ["--recipe", "lenet5", "--epochs", "5", "--batch-size", "64", "--optimizer", "adam",
        "--learning-rate", "0.003", "--schedule", "onecycle", "--validation-split", "0"]  # fmt: skip
KERAS = """
import os, sys, time, numpy as np, keras
from keras import layers
with np.load(os.path.join(os.environ["CNNKIT_DATA_DIR"], "mnist.npz")) as data:
    (x, y), (tx, ty) = ((data[a].astype("float32") if i == 0 else data[a] for i, a in enumerate(pair))
                        for pair in (("x_train", "y_train"), ("x_test", "y_test")))
x, tx = x[..., None] / 255, tx[..., None] / 255
keras.utils.set_random_seed(int(sys.argv[1]))
model = keras.Sequential([
    keras.Input((28, 28, 1)), layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(2),
    layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(2), layers.Flatten(), layers.Dropout(0.5),
    layers.Dense(10, activation="softmax")])
model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
for epoch in range(1, 16):
    model.fit(x, y, batch_size=128, epochs=1, validation_split=0.1, verbose=0)
    accuracy = model.evaluate(tx, ty, batch_size=1000, verbose=0)[1]
    print(epoch, accuracy, flush=True)
    if accuracy >= 0.99:
        break
"""


def ours(seed: int) -> tuple[float, float, str]:
    """Return (seconds, test accuracy, epochs) of cnnkit."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "net.h5")
        command = [sys.executable, "-m", "cnnkit.cli", "train", *OURS, "--seed", str(seed), "--out", str(out), "--json"]
        started = time.perf_counter()
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        seconds = time.perf_counter() - started
    return seconds, json.loads(done.stdout)["test"]["accuracy"], OURS[3]


def keras(seed: int, backend: str) -> tuple[float, float, str]:
    """Return (seconds, test accuracy, epochs) of Keras' example."""
    started = time.perf_counter()
    command = [sys.executable, "-c", KERAS, str(seed)]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env=os.environ | {"KERAS_BACKEND": backend}
    )
    seconds = time.perf_counter() - started
    epochs, accuracy = done.stdout.splitlines()[-1].split()
    return seconds, float(accuracy), epochs


def measure(rounds: int, backend: str = "torch") -> list[Row]:
    """Return the row of P6; a run of cnnkit that does not reach the goal counts as infinitely slow."""
    if not Path(os.environ.get("CNNKIT_DATA_DIR", ""), "mnist.npz").exists():
        print("P6: no mnist.npz: name the folder that holds it in CNNKIT_DATA_DIR")
        return []
    speeds, mine, theirs = [], [], []
    for seed in range(rounds):
        here, there = ours(seed), keras(seed, backend)
        for who, (seconds, accuracy, epochs) in (("cnnkit", here), (f"Keras on {backend}", there)):
            print(f"seed {seed}: {who}: {100 * accuracy:.2f} % after {epochs} epochs, {seconds:.1f} s", flush=True)
        mine.append(here)
        theirs.append(there)
        speeds.append(there[0] / here[0] if here[1] >= GOAL else 0.0)
    runs = [", ".join(f"{100 * a:.2f} % in {s:.1f} s" for s, a, _ in results) for results in (mine, theirs)]
    beside = {"arrived": f"{sum(map(bool, speeds))} of {rounds}", "ours": runs[0], "Keras": runs[1]}
    what = "MNIST to 99.0 %, whole process, numpy backend"
    return [Row("P6", what, f"Keras 3 on {backend}, its stock convnet", speeds, aim=3.0, beside=beside)]


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=positive, default=3)
    arguments.add_argument("--keras", default="torch", choices=("torch", "jax"), help="Keras' backend")
    options = arguments.parse_args()
    rows = measure(options.rounds, options.keras)
    if not rows:
        sys.exit(2)
    print(table(rows))
