"""Blocks of a model file: layers that are written once, with parameters, and used many times."""

from collections.abc import Iterator, Mapping
from typing import Any

from cnnkit.errors import ConfigError
from cnnkit.files.names import describe_value
from cnnkit.values import is_count

MOST_LAYERS, MOST_VALUES = 10_000, 100_000  # after all blocks are written out
MOST_NESTED = 16  # blocks inside each other


def write_out(layers: Any, blocks: Mapping[str, Any]) -> Any:
    """Return the list of layers with every `{block = "NAME", ...}` replaced by the layers of that block.

    blocks  {NAME: {"layers": [...]}}; in its layers the text "$features" stands for the `features` of the use
    A use with `repeat = 3` stands for the block three times. Lists inside layers are written out as well.

    Raises ConfigError for an unknown block, a parameter without a value or without use, and too many layers.
    """
    for name, block in blocks.items():
        if not isinstance(block, Mapping) or set(block) != {"layers"} or not isinstance(block["layers"], list):
            raise ConfigError(f"blocks.{name}: expected a table with layers, got {describe_value(block)}")
    if not blocks:
        return layers
    try:
        return _Writer(blocks).write(layers, {}, 0)
    except RecursionError:
        raise ConfigError("layers: nested too deeply") from None


class _Writer:
    def __init__(self, blocks: Mapping[str, Any]) -> None:
        self.blocks, self.count, self.values = blocks, 0, 0
        self._mentioned: dict[str, set[str]] = {}

    def write(self, value: Any, given: Mapping[str, Any], depth: int) -> Any:
        """Return a value of a layer with parameters and blocks written out."""
        if isinstance(value, list):
            return [written for item in value for written in self._write_item(item, given, depth)]
        if isinstance(value, Mapping):
            self.values += len(value)
            if self.values > MOST_VALUES:
                raise ConfigError(f"layers: expected at most {MOST_VALUES} fields in blocks, got more")
            return {key: self.write(inner, given, depth) for key, inner in value.items()}
        if isinstance(value, str) and value.startswith("$"):
            if value[1:] not in given:
                known = ", ".join(f"${name}" for name in given) or "none"
                raise ConfigError(f"layers: {describe_value(value)} has no value here, those given are: {known}")
            return self.write(given[value[1:]], {}, depth)  # a copy, of which every value counts
        return value

    def _write_item(self, item: Any, given: Mapping[str, Any], depth: int) -> Iterator[Any]:
        """Yield what stands for an item of a list: the layers of a block, or the item itself."""
        self.count += 1
        if self.count > MOST_LAYERS:
            raise ConfigError(f"layers: expected at most {MOST_LAYERS} layers and values, got more")
        if not (isinstance(item, Mapping) and "block" in item):
            yield self.write(item, given, depth)
            return
        use = {key: self.write(value, given, depth) for key, value in item.items()}
        name, repeat = use.pop("block"), use.pop("repeat", 1)
        if not isinstance(name, str) or name not in self.blocks:
            known = ", ".join(self.blocks) or "none"
            raise ConfigError(f"layers: expected a block of {known}, got {describe_value(name)}")
        if not is_count(repeat, 1) or repeat > MOST_LAYERS:
            raise ConfigError(f"block {name}: expected repeat as a whole number >= 1, got {describe_value(repeat)}")
        if depth >= MOST_NESTED:
            raise ConfigError(f"block {name}: blocks nested more than {MOST_NESTED} deep")
        layers = self.blocks[name]["layers"]
        if name not in self._mentioned:
            self._mentioned[name] = set(_list_texts(layers))
        unused = [key for key in use if f"${key}" not in self._mentioned[name]]
        if unused:
            raise ConfigError(f"block {name}: has no ${unused[0]} in its layers: leave {unused[0]} out")
        for _ in range(repeat if layers else 0):
            yield from self.write(layers, use, depth + 1)


def _list_texts(value: Any) -> Iterator[str]:
    """Yield every text in a value of a layer."""
    if isinstance(value, list | Mapping):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _list_texts(inner)
    elif isinstance(value, str):
        yield value
