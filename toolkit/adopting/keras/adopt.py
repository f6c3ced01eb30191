"""Adopts the model of a Keras file: its configuration becomes a graph of cnnkit's layers with its weights."""

import re
from pathlib import Path
from typing import Any

from cnnkit import exporters
from cnnkit.adopting.adopted import Adopted
from cnnkit.adopting.keras.entries import is_model
from cnnkit.adopting.keras.graph_builder import Fault, KerasGraphBuilder
from cnnkit.adopting.keras.losses import find_loss
from cnnkit.adopting.keras.model_inputs import ModelInput, find_data_format, find_inputs
from cnnkit.adopting.keras.model_walk import ModelWalk
from cnnkit.adopting.keras.saved_weights import SavedWeights
from cnnkit.adopting.keras.values import Value, keep_order
from cnnkit.errors import WeightFileError
from cnnkit.exporters.core.faults import fault
from cnnkit.files.names import describe_value, printable
from cnnkit.layers import Reshape
from cnnkit.layers.graph import Graph


def adopt_keras(path: str | Path, input_shape: Any = None) -> Adopted:
    """Return the model of a `.keras` or `.h5` file as a network that runs, trains and exports.

    input_shape: of a sample, (channels, height, width) or as the file has it, where the file leaves sizes open;
    several of them for several inputs. Images are (N, C, H, W) in the network, whatever the file has; so are outputs
    with three or more axes. No code of the file is run.

    Raises WeightFileError for a file without a model, a layer that cnnkit has none for, weights that do not fit.
    """
    path = Path(path)

    def fail(problem: str) -> WeightFileError:
        return fault(path, problem, format_name="keras")

    file = exporters.read(path)
    about = file.metadata.get("keras") if file.format == "keras" else None
    if not isinstance(about, dict):
        raise fail(f"expected a Keras file, got one of format {file.format}")
    config = about.get("config")
    if config is None:
        raise fail("holds weights alone, no model: describe it with --recipe or --model")
    if not isinstance(config, dict) or not is_model(config):
        kind = config.get("class_name") if isinstance(config, dict) else config
        raise fault(
            path,
            f"its model is of the class {describe_value(kind)}, whose code the file does not have",
            kind="refused",
            format_name="keras",
        )
    try:
        return _adopt(file, about, config, input_shape, fail)
    except RecursionError:
        raise fail("its configuration is nested too deep") from None


def _adopt(file: Any, about: dict[str, Any], config: dict[str, Any], input_shape: Any, fail: Fault) -> Adopted:
    inputs = find_inputs(config, input_shape, fail)
    channels_last = find_data_format(config)
    builder = KerasGraphBuilder(fail, channels_last)
    names = [builder.take_name(one.name) for one in inputs]
    values = [_place(builder, one, name) for one, name in zip(inputs, names, strict=True)]
    version = _parse_version(about.get("keras_version"), config)
    walk = ModelWalk(builder, SavedWeights(file, config, fail), version)
    sequences = any(one.order == (1, 0) for one in inputs)
    outputs = [_finish(builder, value, sequences) for value in walk.run_model(config, values, (), False)]
    if not builder.nodes:
        raise fail("a model without layers that do anything")
    network = Graph(tuple(builder.nodes), tuple(names), tuple(value.ref for value in outputs))
    shapes = tuple(one.stored_shape for one in inputs)
    metadata = {"maker": printable(f"Keras {about.get('keras_version', '1')}", 40)}
    loss = find_loss(about.get("training_config", config.get("compile_config")))
    if loss is not None:
        metadata["loss"] = loss
    return Adopted(
        network,
        shapes[0] if len(shapes) == 1 else shapes,
        builder.variables,
        tuple(walk.nodes),
        metadata,
        any(one.plain or one.order != keep_order(len(one.shape)) for one in inputs),
    )


def _place(builder: KerasGraphBuilder, one: ModelInput, name: str) -> Value:
    """Return an input as a tensor of the model."""
    if not one.plain:
        return Value(name, one.shape, one.order)
    given = Value(name, (1, *one.shape), keep_order(3))
    return builder.emit(f"{name}_plain", Reshape(one.shape), [given], keep_order(2))


def _finish(builder: KerasGraphBuilder, value: Value, sequences: bool) -> Value:
    """Return an output as the network gives it: images and sequences channels first, all else in Keras's sequence."""
    if value.rank > 2 or (value.rank == 2 and sequences):
        return builder.arrange(value, builder.prefer_order(value.rank))
    return builder.arrange(value, keep_order(value.rank))


def _parse_version(given: Any, config: dict[str, Any]) -> tuple[int, ...]:
    """Return "2.2.4-tf" as (2, 2, 4); a file without one is of Keras 1, or of 3 where classes have modules."""
    numbers = tuple(int(part) for part in re.findall(r"\d{1,4}", given)[:3]) if isinstance(given, str) else ()
    return numbers or ((3,) if "module" in config else (1,))
