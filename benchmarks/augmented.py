"""P15: mini-resnet on shapes-32 with flips and random crops: cnnkit's training against a hand-written PyTorch loop.

    python benchmarks/augmented.py [--rounds 9] [--threads 1 2]

In turns, as in training.py: shuffling, augmentation, the step, the schedule. P15 is the PyTorch backend, P15b NumPy's.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from arguments import parser, positive
from rows import Row, cores, table
from runners import torch_module
from turns import compete, ratios

from cnnkit import Model, Options, Training, load_data, recipes

DATA, RECIPE, AUGMENT = "shapes-32", "mini-resnet", "flip,crop:4"
BATCH, RATE, PADDING = 64, 0.003, 4
SHAPE = (3, 32, 32)
ENDLESS = 1000  # epochs
DRAWN = "fan_in_uniform"
GENERATIONS = 3  # of processes


def ours(backend: str, threads: int, seed: int = 0, epochs: int = ENDLESS, limit: int | None = None) -> Training:
    """Return cnnkit's training, at its start; the network of the recipe, for colour pictures.

    Initial weights are drawn as torch.nn draws its own: evenly within 1 / sqrt(fan in).
    """
    recipe = recipes.get(RECIPE).with_input(SHAPE)
    network, shape = recipe.with_initializers(weight_initializer=DRAWN, bias_initializer=DRAWN).network()
    options = Options(
        epochs=epochs, batch_size=BATCH, optimizer="adamw", learning_rate=RATE, schedule="onecycle", seed=seed,
        limit=limit, validation_split=0.0, augment=AUGMENT,
    )  # fmt: skip
    return Training(Model(network, shape, backend=backend, threads=threads, seed=seed), load_data(DATA), options)


def take_steps(training: Training) -> Callable[[int], None]:
    """Return run(steps), which goes on with a training as `cnnkit train` does."""

    def run(steps: int) -> None:
        left = steps

        def stop() -> bool:
            nonlocal left
            left -= 1
            return left <= 0

        while left > 0:
            for _ in training.epochs(stop=stop):
                pass

    return run


class HandWritten:
    """The loop that one writes in PyTorch for the same network, data and augmentation."""

    def __init__(self, threads: int, seed: int = 0, epochs: int = ENDLESS, limit: int | None = None) -> None:
        import torch

        self.torch = torch
        torch.set_num_threads(threads)
        torch.manual_seed(seed)
        network, shape = recipes.get(RECIPE).with_input(SHAPE).network()
        self.net = torch_module(network, shape)
        pixels, labels = load_data(DATA).train.take(np.arange(limit or 4000))
        self.x, self.labels = torch.from_numpy(pixels).float() / 255, torch.from_numpy(labels)
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=RATE, weight_decay=0.01)
        steps = epochs * -(-len(self.x) // BATCH)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, RATE, steps, cycle_momentum=False)
        self.left: list[Any] = []

    def augment(self, x: Any) -> Any:
        """Return each picture flipped or not, cut out of one with a black border of 4 pixels."""
        torch, n = self.torch, len(x)
        x = torch.where(torch.rand(n, 1, 1, 1) < 0.5, x.flip(3), x)
        padded = torch.nn.functional.pad(x, (PADDING,) * 4)
        rows, columns = (torch.randint(2 * PADDING + 1, (n, 1)) + torch.arange(SHAPE[1]) for _ in range(2))
        picture, channel = torch.arange(n)[:, None, None, None], torch.arange(SHAPE[0])[None, :, None, None]
        return padded[picture, channel, rows[:, None, :, None], columns[:, None, None, :]]

    def run(self, steps: int) -> None:
        """Take steps, in a new order each epoch."""
        self.net.train()
        for _ in range(steps):
            if not self.left:
                self.left = list(self.torch.randperm(len(self.x)).split(BATCH))
            chosen = self.left.pop()
            self.optimizer.zero_grad(set_to_none=True)
            outputs = self.net(self.augment(self.x[chosen]))
            self.torch.nn.functional.cross_entropy(outputs, self.labels[chosen]).backward()
            self.optimizer.step()
            self.schedule.step()

    def accuracy(self) -> float:
        """Return the share of the test pictures that is classified correctly."""
        test = load_data(DATA).split("test")
        pixels, labels = test.take(np.arange(len(test)))
        self.net.eval()
        with self.torch.no_grad():
            x = self.torch.from_numpy(pixels).float() / 255
            decided = self.torch.cat([self.net(part).argmax(dim=1) for part in x.split(250)])
        return float((decided.numpy() == labels).mean())


def measure(rounds: int, threads: list[int]) -> list[Row]:
    """Return the rows of P15 and P15b for each number of threads."""
    rows = []
    for count in threads:
        tasks = {kind: {"work": "augmented", "kind": kind, "threads": count} for kind in ("torch", "numpy", "pytorch")}
        results = compete(tasks, rounds, GENERATIONS)
        peer = results["pytorch"]
        for name, kind in (("P15", "torch"), ("P15b", "numpy")):
            result = results[kind]
            beside = {"images/s": f"{BATCH / result.median():,.0f}", "PyTorch's": f"{BATCH / peer.median():,.0f}"}
            what = f"{RECIPE} on {DATA}, --augment {AUGMENT}, batch {BATCH}, {kind} backend"
            rows.append(Row(name, what, "PyTorch, eager, by hand", ratios(result, [peer]), aim=1.0, threads=count,
                            cpu=ratios(result, [peer], "cpu"), beside=beside))  # fmt: skip
    return rows


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=positive, default=9)
    arguments.add_argument("--threads", type=positive, nargs="+", default=sorted({1, cores()}))
    options = arguments.parse_args()
    print(table(measure(options.rounds, options.threads)))
