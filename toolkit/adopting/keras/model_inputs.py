"""The inputs of a Keras model: names, shapes, and how the network has them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from cnnkit.adopting.keras.arguments import iterate_references, parse_calls, parse_references
from cnnkit.adopting.keras.entries import get_fields, get_name, is_functional, is_model, list_entries
from cnnkit.adopting.keras.graph_builder import LARGEST, Fault
from cnnkit.adopting.keras.values import keep_order, put_first
from cnnkit.backends.protocol import Shape
from cnnkit.exporters.core.keras_config import iterate_layers
from cnnkit.files.names import describe_value, printable

_DEEPEST = 16
_OPTION = "name its shape with input_shape=(channels, height, width)"
_FLAT = ("Flatten", "Reshape", "InputLayer")
Entry = Mapping[str, Any]


class ModelInput(NamedTuple):
    """An input of the model.

    name   in the file
    shape  of a sample, as Keras has it
    order  axis k of the network's input is axis order[k] of Keras's
    plain  whether it is an image without an axis for its channels, which the network's input has
    """

    name: str
    shape: Shape
    order: tuple[int, ...]
    plain: bool

    @property
    def stored_shape(self) -> Shape:
        """The shape of a sample that the network takes."""
        stored = tuple(self.shape[axis] for axis in self.order)
        return (1, *stored) if self.plain else stored


def find_data_format(config: Entry) -> bool:
    """Return whether the images of a model have their channels last; Keras's default where no layer says it."""
    formats = [layer.fields.get("data_format", layer.fields.get("dim_ordering")) for layer in iterate_layers(config)]
    return not any(word in ("channels_first", "th") for word in formats)


def find_inputs(config: Entry, given: Any, fault: Fault) -> list[ModelInput]:
    """Return the inputs of a model in order. given: shapes of a sample to use where the file leaves sizes open.

    Raises WeightFileError when the shape of one is not known.
    """
    listed = list(_list_inputs(config, fault, 0))
    offered: Sequence[Any] = _spread(given, len(listed))
    if len(offered) != len(listed):
        raise fault(f"input_shape: expected a shape for each of {len(listed)} inputs, got {describe_value(given)}")
    last, kinds = find_data_format(config), [layer.kind for layer in iterate_layers(config)]
    sequences = any("1d" in kind for kind in kinds)
    flat = _find_flat(config, [name for name, _ in listed], fault)
    inputs = []
    for (name, shape), wanted in zip(listed, offered, strict=True):
        found = _settle(shape, wanted, last, name, fault)
        rank = len(found)
        plain = rank == 2 and not sequences and name in flat
        first = last and (rank > 2 or (rank == 2 and not plain and sequences))
        inputs.append(ModelInput(name, found, put_first(rank, rank - 1) if first else keep_order(rank), plain))
    return inputs


def _spread(given: Any, count: int) -> Sequence[Any]:
    """Return an offered shape for each input, None where there is none."""
    if given is None:
        return [None] * count
    shapes = given if given and all(isinstance(shape, tuple | list) for shape in given) else [given]
    return list(shapes)


def _list_inputs(entry: Entry, fault: Fault, depth: int) -> Iterator[tuple[str, Any]]:
    """Yield (name, shape with the batch or None) of each input of a model."""
    if depth > _DEEPEST:
        raise fault(f"models inside models, more than {_DEEPEST} deep")
    layers = list_entries(entry, fault)
    if is_functional(entry):
        by_name = {get_name(layer): layer for layer in layers}
        for reference in parse_references(get_fields(entry).get("input_layers"), fault):
            if reference.layer not in by_name:
                raise fault(f"input {printable(reference.layer)} is no layer of the model")
            yield reference.layer, _find_shape(by_name[reference.layer])
        return
    first, fields = layers[0], get_fields(entry)
    shape = _find_shape(first)
    if shape is None and is_model(first):
        yield from _list_inputs(first, fault, depth + 1)
        return
    built = entry.get("build_config")
    offers = [shape, fields.get("build_input_shape"), built.get("input_shape") if isinstance(built, dict) else None]
    built = first.get("build_config")
    offers.append(built.get("input_shape") if isinstance(built, dict) else None)
    name = get_name(first) if first["class_name"] == "InputLayer" else "input"
    yield name, next((offer for offer in offers if offer is not None), None)


def _find_shape(layer: Entry) -> Any:
    fields = get_fields(layer)
    return fields.get("batch_input_shape", fields.get("batch_shape"))


def _settle(shape: Any, wanted: Any, last: bool, name: str, fault: Fault) -> Shape:
    """Return the shape of a sample: the file's, its open sizes as offered; channels first or as the file has them."""
    what = f"input {printable(name)}"
    if isinstance(wanted, tuple | list):
        offers = [tuple(wanted)]
        if last and len(wanted) > 1:
            offers.insert(0, (*wanted[1:], wanted[0]))
        if shape is None:
            shape = [None, *([None] * len(wanted))]
        sizes = list(shape)[1:] if isinstance(shape, list) else []
        fitting = [offer for offer in offers if len(offer) == len(sizes) and all(map(_fits, sizes, offer))]
        if not fitting:
            raise fault(f"{what}: the file has {_describe(sizes)}, input_shape is {describe_value(wanted)}")
        shape = [None, *fitting[0]]
    if shape is None:
        raise fault(f"{what}: the file does not tell its shape: {_OPTION}")
    if not isinstance(shape, list) or len(shape) < 2:
        raise fault(f"{what}: expected a shape, got {describe_value(shape)}")
    if any(size is None for size in shape[1:]):
        raise fault(f"{what}: the file leaves its shape open, {_describe(shape[1:])}: {_OPTION}")
    if not all(type(size) is int and 0 < size < LARGEST for size in shape[1:]):
        raise fault(f"{what}: expected a shape, got {describe_value(shape)}")
    return tuple(shape[1:])


def _fits(size: Any, offer: Any) -> bool:
    return size is None or size == offer


def _describe(sizes: Sequence[Any]) -> str:
    return f"({', '.join('any' if size is None else describe_value(size, 20) for size in sizes)})"


def _find_flat(entry: Entry, names: Iterable[str], fault: Fault, depth: int = 0) -> set[str]:
    """Return those of a model's inputs that all takers give another shape first: images without channels."""
    fields = get_fields(entry)
    listed = fields.get("layers", entry.get("config"))
    if not isinstance(listed, list) or depth > _DEEPEST:
        return set()
    layers = [layer for layer in listed if isinstance(layer, dict)]
    takers: dict[str, list[bool]] = {name: [] for name in names}
    if not is_functional(entry):
        first = [layer for layer in layers if layer.get("class_name") != "InputLayer"][:1]
        takers = {name: [_is_flat(layer, fault, depth) for layer in first] for name in takers}
        layers = []
    for layer in layers:
        calls = [[call.positional, call.keywords] for call in parse_calls(layer, fault)]
        taken = takers.keys() & {reference.layer for reference in iterate_references(calls)}
        flat = bool(taken) and _is_flat(layer, fault, depth)
        for name in taken:
            takers[name].append(flat)
    return {name for name, found in takers.items() if found and all(found)}


def _is_flat(layer: Entry, fault: Fault, depth: int) -> bool:
    """Return whether a layer gives its input another shape, or a model does so with all of its inputs."""
    if not is_model(layer):
        return layer.get("class_name") in _FLAT
    inputs = {"input"}
    if is_functional(layer):
        inputs = {reference.layer for reference in parse_references(get_fields(layer).get("input_layers"), fault)}
    return bool(inputs) and _find_flat(layer, inputs, fault, depth + 1) == inputs
