"""A recipe reduced for slow backends: images of about 8 x 8, batches of 8, one hundred steps."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cnnkit import data, recipes
from cnnkit.backends.protocol import Shape
from cnnkit.data.dataset import Dataset
from cnnkit.data.split import Split
from cnnkit.data.targets import CLASS_MAP
from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers import Layer
from cnnkit.options import Options
from cnnkit.recipes import Recipe

STEPS, QUICK_STEPS = 100, 20
IMAGES, BATCH = 44, 8  # 6 steps an epoch, the last batch of 4
SIDES = (8, 12, 16, 28)  # pixels of the images that replace MNIST: the smallest that the network accepts
# What is added to the seed. From seed 0 one value of the denoiser crosses the kink of a ReLU at step 84, in float32 on
# some backends alone: from there on they train on different sides of it, and their weights part by more than ulps.
SEEDS = {"denoiser": 1}
CROP = 9  # pixels that remain of images with a map of classes: an odd number, as those have


@dataclass(frozen=True)
class TrainingPlan:
    """One training: network, data, options, and the number of steps to compare."""

    name: str
    network: Layer
    input_shape: Shape
    data: Dataset
    options: Options
    steps: int

    @property
    def label(self) -> str:
        """The training in words."""
        shape, o = " x ".join(map(str, self.input_shape)), self.options
        return f"{self.steps} steps, images {shape}, batches of {o.batch_size}, {o.optimizer}, rate {o.learning_rate:g}"


def plan_training(recipe: str, seed: int = 0, steps: int = STEPS) -> TrainingPlan:
    """Return the plan of a built-in recipe. Raises ConfigError for an unknown name."""
    seed += SEEDS.get(recipe, 0)
    chosen = recipes.get(recipe)
    if data.is_builtin(chosen.data):
        dataset = data.load(chosen.data)
        if not isinstance(dataset.target, Mapping) and dataset.target.kind == CLASS_MAP:
            chosen, dataset = _crop_maps(chosen, dataset)
    else:
        chosen, dataset = _reduce_images(chosen)
    network, shape = chosen.network()
    images = min(IMAGES, len(dataset.train))
    size = min(BATCH, images)
    changed: dict[str, Any] = {
        "batch_size": size, "limit": images, "shuffle": True, "validation_split": 0.0, "patience": None, "seed": seed,
        "epochs": -(-steps // -(-images // size)),
    }  # fmt: skip
    return TrainingPlan(recipe, network, shape, dataset, Options(**(chosen.training | changed)), steps)


def _reduce_images(recipe: Recipe) -> tuple[Recipe, Dataset]:
    """Return the recipe with a smaller input shape, and digits of that size, padded with zeros where necessary."""
    for side in SIDES:
        smaller = replace(recipe, architecture=recipe.architecture | {"input_shape": [1, side, side]})
        network, shape = smaller.network()
        with contextlib.suppress(ShapeError):
            network.output_shape(shape)
            return smaller, _frame_digits(side)
    raise ConfigError(f"{recipe.name}: does not accept images of 1 x {SIDES[-1]} x {SIDES[-1]}")


def _crop_maps(recipe: Recipe, dataset: Dataset) -> tuple[Recipe, Dataset]:
    """Return the recipe and its data with a corner of every image and map."""
    images, maps = (values[..., :CROP, :CROP] for values in dataset.train.take(np.arange(IMAGES)))
    cropped = data.from_arrays(images, maps, class_names=dataset.class_names, scaling=dataset.scaling, kind=CLASS_MAP)
    shape = [dataset.image_shape[0], CROP, CROP]
    return replace(recipe, architecture=recipe.architecture | {"input_shape": shape}), cropped


def _frame_digits(side: int) -> Dataset:
    digits = data.load("digits")
    raw, labels = digits.train.take(np.arange(IMAGES))
    edge = (side - raw.shape[-1]) // 2
    images = np.pad(raw, ((0, 0), (0, 0), (edge, edge), (edge, edge)))
    return Dataset("framed digits", Split(images, labels), None, digits.class_names, (1, side, side), digits.scaling)
