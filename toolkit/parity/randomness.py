"""Checks that one seed gives bit-equal initial weights, order of images, batches and dropout masks."""

from typing import Any

import numpy as np

from cnnkit import recipes
from cnnkit.data.dataset import Dataset
from cnnkit.data.scaling import Scaling
from cnnkit.data.split import Split
from cnnkit.layers import Context, Dropout, Sequential
from cnnkit.network import Network
from cnnkit.parity.check import Arena, Case, Check
from cnnkit.parity.draw import Draw, draw_generator
from cnnkit.seeds import Purpose
from cnnkit.seeds import generator as seeded_generator
from cnnkit.training.batches import Samples, epoch_order
from cnnkit.tree import flatten


def initial_weights(draw: Draw, given: tuple[str, int] | None) -> Case:
    """The initial weights of a recipe are the ones that NumPy draws in float64, rounded once."""
    name, seed = given or (draw.choice(recipes.with_data()), draw.integer(0, 2**32))
    network, shape = recipes.get(name).network()
    drawn = network.init(seeded_generator(seed, Purpose.WEIGHTS), shape)
    exact = flatten(drawn.params) | flatten(drawn.state)

    def run(arena: Arena) -> dict[str, Any]:
        model = Network(network, shape, backend=arena.backend, dtype=arena.dtype, seed=seed)
        return {n: np.array(np.array_equal(v, exact[n].astype(arena.dtype))) for n, v in model.weights.items()}

    wanted = dict.fromkeys(exact, np.array(True))
    return Case(f"{name}, seed {seed}", run, "exact", wanted=wanted, dtype=None)


def shuffle(draw: Draw, given: tuple[int, int, int] | None) -> Case:
    """The batches of an epoch hold images and labels in the order given by seed and epoch."""
    seed, epoch, size = given or (draw.integer(0, 2**32), draw.integer(0, 50), draw.integer(1, 7))
    rng = draw_generator(draw)
    pixels, labels = rng.integers(0, 256, (13, 1, 3, 3)).astype(np.uint8), rng.integers(0, 10, 13)
    data = Dataset("drawn", Split(pixels, labels), None, tuple("0123456789"), (1, 3, 3), Scaling(0.0, 1 / 256))
    order = epoch_order(np.arange(13), seed, epoch)

    def run(arena: Arena) -> dict[str, Any]:
        shuffled = list(Samples(arena.backend, data, "train", arena.dtype).batches(order, size))
        images = np.concatenate([arena.host(batch.x) for batch in shuffled])
        return {"images": images, "labels": np.concatenate([arena.host(batch.targets) for batch in shuffled])}

    permuted = seeded_generator(seed, Purpose.SHUFFLE, epoch).permutation(13)
    wanted = {"images": pixels[permuted] / 256, "labels": labels[permuted]}
    return Case(f"seed {seed}, epoch {epoch}, batches of {size}", run, "exact", wanted=wanted, dtype=None)


def dropout(draw: Draw, given: tuple[float, tuple[int, ...]] | None) -> Case:
    """Masks depend on layer path and step; a shard drops the same values as the whole batch."""
    rate, shape = given or (draw.integer(0, 99) / 100, (draw.integer(1, 6), draw.integer(1, 9)))
    key, step = (draw.integer(0, 2**32 - 1), draw.integer(0, 2**32 - 1)), draw.integer(0, 10**6)
    network = Sequential((Dropout(rate), Dropout(rate)))

    def run(arena: Arena) -> dict[str, Any]:
        context, ones = Context(arena.backend, True, key, step), np.ones(shape)
        whole = arena.host(network.forward(context, {}, {}, arena.array(ones))[0]) > 0
        rest = context._replace(first_sample=shape[0] // 2)
        shard = arena.host(network.forward(rest, {}, {}, arena.array(ones[shape[0] // 2 :]))[0]) > 0
        return {"mask": whole.astype(int), "part": shard.astype(int)}

    return Case(f"rate {rate}, x {shape}, step {step}", run, "exact", dtype=None)


CHECKS = [
    Check(
        "randomness", "initial weights", initial_weights, tuple((name, 0) for name in recipes.with_data()), drawn=False
    ),
    Check("randomness", "shuffle order", shuffle, ((0, 0, 4), (0, 1, 13))),
    Check("randomness", "dropout masks", dropout, ((0.5, (4, 6)), (0.25, (3, 2, 5, 5)), (0.0, (2, 3)))),
]
