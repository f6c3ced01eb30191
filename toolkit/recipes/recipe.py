"""Reading recipes, which lie beside this file, and model files of users: both have one schema."""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any

from cnnkit import architecture, initializers
from cnnkit.backends.protocol import Shape
from cnnkit.errors import ConfigError, DataError, ShapeError, first_line
from cnnkit.files.bounded_text import read_bounded
from cnnkit.files.names import describe_value, printable, to_text
from cnnkit.layers import Dropout, Layer, SpatialDropout
from cnnkit.layers.activations import ACTIVATIONS
from cnnkit.layers.base import Shapes
from cnnkit.options import Options
from cnnkit.recipes.blocks import write_out

NO_DATA = "none"  # the data of a recipe that needs a data set of the user's
_MOST_BYTES = 1 << 20
_MOST_DOTS = 1000  # in a line: tomllib takes a time quadratic in the parts of a key
_KEYS = ("name", "description", "source", "data", "input_shape", "input_names", "output_names", "training",
         "published", "blocks", "layers")  # fmt: skip
_TEXTS = ("name", "description", "source", "data")
_INITIALIZERS = ("weight_initializer", "bias_initializer")
_ELEMENTWISE = {layer.__name__ for layer in (*ACTIVATIONS, Dropout, SpatialDropout)}  # keep the number of outputs
_TRAINING = tuple(f.name for f in fields(Options) if f.name not in ("seed", "limit"))


@dataclass(frozen=True)
class Recipe:
    """A network, and how to train it.

    architecture  {"input_shape": [...], "layers": [{"type": ...}, ...]}
    training      fields of cnnkit.Options; omitted fields have their defaults
    published     settings of the published system that differ from the recipe's own: training fields, and
                  weight_initializer, bias_initializer for all layers
    """

    name: str
    architecture: dict[str, Any]
    description: str = ""
    source: str = ""
    data: str = "digits"
    training: dict[str, Any] = field(default_factory=dict)
    published: dict[str, Any] = field(default_factory=dict)

    def network(self) -> tuple[Layer, Shapes]:
        """Return the network and the shape of a sample."""
        return architecture.build(self.architecture)

    def with_input(self, shape: Shape) -> "Recipe":
        """Return the recipe for samples of another shape; its layers infer theirs, where they can take it."""
        return replace(self, architecture=self.architecture | {"input_shape": list(shape)})

    def with_classes(self, classes: int) -> "Recipe":
        """Return the recipe with as many outputs as classes, if its last layer with weights is Dense."""
        layers = [dict(layer) for layer in self.architecture["layers"]]
        last = next((layer for layer in reversed(layers) if layer.get("type") not in _ELEMENTWISE), {})
        if last.get("type") == "Dense":
            last["features"] = classes
        return replace(self, architecture=self.architecture | {"layers": layers})

    def faithful(self) -> "Recipe":
        """Return the recipe with exactly the published settings."""
        settings = dict(self.published)
        initializers = {key: settings.pop(key) for key in _INITIALIZERS if key in settings}
        return replace(self.with_initializers(**initializers), training=self.training | settings)

    def with_initializers(self, **initializer: str) -> "Recipe":
        """Return the recipe with weight_initializer or bias_initializer set in every layer that has it."""
        for spec in initializer.values():
            initializers.parse(spec)
        network, _ = self.network()
        description = architecture.describe(network, tuple(self.architecture["input_shape"]))
        layers = architecture.replace_initializers(description, initializer)["layers"]
        return replace(self, architecture=self.architecture | {"layers": layers})


def names() -> list[str]:
    """Return the names of the recipes that come with cnnkit."""
    files = (entry.name for entry in resources.files("cnnkit.recipes").iterdir())
    return sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml"))


def with_data() -> list[str]:
    """Return the names of the recipes that have a data set; the others need one of the user's."""
    return [name for name in names() if get(name).data != NO_DATA]


def get(name: str) -> Recipe:
    """Return a recipe that comes with cnnkit. Raises ConfigError that lists their names."""
    return parse(text(name), f"recipe {name}")


def text(name: str) -> str:
    """Return the TOML text of a recipe that comes with cnnkit. Raises ConfigError that lists their names."""
    if name not in names():
        near = difflib.get_close_matches(name, names(), 1, 0.5)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise ConfigError(f"recipe: expected one of {', '.join(names())}, got {describe_value(name)}{hint}")
    return resources.files("cnnkit.recipes").joinpath(f"{name}.toml").read_text("utf-8")


def read(path: Path) -> Recipe:
    """Return the recipe in a user's model file.

    Raises DataError when it cannot be read, ConfigError when its content is not valid.
    """
    try:
        content = read_bounded(path, _MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise DataError(f"{path}: expected a model file of at most 1 MiB, got more")
        text = content.decode("utf-8").replace("\r\n", "\n")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}: expected a model file in TOML") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: expected a model file in TOML, got bytes that are not UTF-8 text") from None
    return parse(text, str(path))


def parse(toml: str, where: str) -> Recipe:
    """Return the recipe that a TOML text describes. Raises ConfigError that names the place."""
    for number, line in enumerate(toml.split("\n"), 1):
        if line.count(".") > _MOST_DOTS:
            raise ConfigError(f"{where}: not valid TOML: line {number} has more than {_MOST_DOTS} dots")
    try:
        tables = tomllib.loads(toml)
    except (ValueError, RecursionError) as error:  # a number of 5000 digits, brackets without end
        raise ConfigError(f"{where}: not valid TOML: {printable(first_line(error))}") from None
    for key, value in tables.items():
        if key not in _KEYS:
            raise ConfigError(f"{where}: expected keys of {', '.join(_KEYS)}; got {describe_value(key)}")
        if key in _TEXTS and not isinstance(value, str):
            raise ConfigError(f"{where}: expected {key} to be a text, got {describe_value(value)}")
    settings = _settings(tables, "training", _TRAINING, where)
    published = _settings(tables, "published", (*_TRAINING, *_INITIALIZERS), where)
    description = {key: tables.get(key) for key in ("input_shape", "layers")}
    description |= {key: tables[key] for key in architecture.GRAPH_NAMES if key in tables}
    try:
        description["layers"] = write_out(description["layers"], _blocks(tables))
        network, shape = architecture.build(description)
        network.output_shape(shape)
        for table in (settings, settings | published):
            Options(**{key: value for key, value in table.items() if key in _TRAINING})
        for key in published.keys() & set(_INITIALIZERS):
            initializers.parse(published[key])
    except (ConfigError, ShapeError) as error:
        raise ConfigError(f"{where}: {error}") from None
    texts = {key: tables[key] for key in ("description", "source", "data") if key in tables}
    name = tables.get("name", to_text(Path(where.removeprefix("recipe ")).stem))
    return Recipe(name, description, **texts, training=settings, published=published)


def _blocks(tables: Mapping[str, Any]) -> dict[str, Any]:
    blocks = tables.get("blocks", {})
    if not isinstance(blocks, dict):
        raise ConfigError(f"expected blocks to be tables [blocks.NAME], got {describe_value(blocks)}")
    return blocks


def _settings(tables: Mapping[str, Any], name: str, known: tuple[str, ...], where: str) -> dict[str, Any]:
    """Return the table `name`, checked to hold only `known` keys."""
    settings = tables.get(name, {})
    if not isinstance(settings, dict):
        raise ConfigError(f"{where}: expected {name} to be a table [{name}], got {describe_value(settings)}")
    for key, value in settings.items():
        if key not in known:
            raise ConfigError(f"{where}: expected settings of {', '.join(known)}; got {describe_value(key)}")
        if key in _INITIALIZERS and not isinstance(value, str):
            raise ConfigError(f"{where}: expected {key} to be a text like 'he_uniform', got {describe_value(value)}")
    return settings
