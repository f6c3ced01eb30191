"""A recipe for data of another image shape or number of classes than its own."""

from typing import TYPE_CHECKING

from cnnkit.cli.output import Output
from cnnkit.errors import ConfigError, ShapeError
from cnnkit.files.names import format_count, printable

if TYPE_CHECKING:
    from cnnkit.data import Dataset
    from cnnkit.options import Options
    from cnnkit.recipes import Recipe


def adapt_recipe(
    output: Output, recipe: "Recipe", dataset: "Dataset", options: "Options", *, images: bool, classes: bool
) -> "Recipe":
    """Return the recipe for the data's image shape and number of classes, with a note of what was changed.

    images, classes: whether each of the two may be changed: a network of the user stays as it was written.

    Raises ConfigError where the recipe's layers cannot take such images; it says how to change them; and for a loss of
    outputs that the network does not have.
    """
    from cnnkit import losses
    from cnnkit.data.targets import CLASS, TAGS, TargetSpec
    from cnnkit.layers import Graph

    facts, (_, own_shape) = [], recipe.network()
    if images and own_shape != dataset.image_shape:
        recipe = _with_images(recipe, dataset)
        facts.append(f"takes images of {_join(dataset.image_shape)} (by itself {_join(own_shape)})")
    network, shape = recipe.network()
    names = network.output_names if isinstance(network, Graph) else ("output",)
    loss = losses.fit_outputs(losses.parse(options.loss), names)
    try:
        loss.check(network.output_shape(shape), dataset.target)
    except ConfigError:
        if classes and isinstance(dataset.target, TargetSpec) and dataset.target.kind in (CLASS, TAGS):
            count = len(dataset.class_names)
            recipe = recipe.with_classes(count)
            facts.append(f"has {format_count(count, 'output')}, one for each class")
    if facts:
        output.note(f"{recipe.name}: {' and '.join(facts)}, to fit {printable(dataset.name, 400)}")
    return recipe


def _with_images(recipe: "Recipe", dataset: "Dataset") -> "Recipe":
    adapted = recipe.with_input(dataset.image_shape)
    try:
        network, shape = adapted.network()
        network.output_shape(shape)
    except ShapeError as error:
        where = f"{printable(dataset.name, 400)}: the images are {_join(dataset.image_shape)}"
        hint = (
            f"type cnnkit recipes --copy {recipe.name} > net.toml, change its layers, and train with --model net.toml"
        )
        raise ConfigError(f"{where}, which the recipe {recipe.name} cannot take ({error}): {hint}") from None
    return adapted


def _join(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
