"""What Keras computes with a model, the network adopted from its file computes too.

CNNKIT_ALL_APPLICATIONS=1 in the environment takes fourteen networks of keras.applications instead of two.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from cnnkit.adopting.keras import adopt_keras
from cnnkit.backends.registry import get_backend
from cnnkit.layers import Context

HERE = Path(__file__).parent
MAKE = """
import sys
sys.path.insert(0, sys.argv[1])
from keras_applications import main
main(sys.argv[2], sys.argv[3:])
"""
MODELS = [
    "activations", "adaptive", "average", "channels_first", "channels_first_pooled", "conv1d", "conv2d", "conv3d",
    "decoder", "depthwise", "flat_output", "flat_reshaped", "flattened", "image_operations", "in_training_alone",
    "joins", "nested", "normalised", "operations", "plain_images", "plain_reshaped", "pooling", "reshaping",
    "sequence_of_rows", "sizes", "stacked", "transposed_output_padding",
    *(f"transposed_{word}_{case}" for word in ("same", "valid") for case in ("2_3", "3_2", "4_2", "5_1")),
]  # fmt: skip
ALL = [
    "VGG16", "MobileNet", "MobileNetV2", "ResNet50V2", "DenseNet121", "InceptionV3", "EfficientNetB0", "Xception",
    "ResNet50", "MobileNetV3Small", "EfficientNetV2B0", "ConvNeXtTiny", "InceptionResNetV2", "NASNetMobile",
]  # fmt: skip
APPLICATIONS = ALL if os.environ.get("CNNKIT_ALL_APPLICATIONS") else ["MobileNetV2", "MobileNetV3Small"]


@pytest.fixture(scope="module")
def models(tmp_path_factory, keras_process):
    """The folder with all models, which Keras makes at once."""
    folder = tmp_path_factory.mktemp("models")
    keras_process.run(MAKE, str(HERE), str(folder), *APPLICATIONS)
    return folder


def as_tuple(value, several):
    return value if several else (value,)


def arrange(array, shape):
    """Return Keras's array in the order of axes that the network has: channels first, or the same."""
    if array.shape[1:] == shape:
        return array
    moved = np.moveaxis(array, -1, 1) if shape[0] == array.shape[-1] else array[:, None]
    assert moved.shape[1:] == shape
    return np.ascontiguousarray(moved)


def compare(folder, name, suffix, tolerance=1e-5):
    adopted = adopt_keras(folder / f"{name}{suffix}")
    network, arrays = adopted.network, np.load(folder / f"{name}.npz")
    shapes = as_tuple(adopted.input_shape, network.input_count > 1)
    inputs = tuple(arrange(arrays[f"x{i}"], shape) for i, shape in enumerate(shapes))
    context = Context(get_backend("numpy"))
    made, _ = network.forward(context, *adopted.variables, inputs if len(inputs) > 1 else inputs[0])
    results = as_tuple(made, network.output_count > 1)
    assert len(results) == sum(key.startswith("y") for key in arrays.files)
    for i, result in enumerate(results):
        expected = arrange(arrays[f"y{i}"], result.shape[1:])
        assert np.abs(result - expected).max() <= tolerance * np.abs(expected).max()
        assert np.ptp(expected) > 0
    assert network.variable_shapes(adopted.input_shape).params.keys() == adopted.variables.params.keys()
    return adopted


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", MODELS)
def test_small_models_of_every_kind_of_layer(models, name, suffix):
    compare(models, name, suffix)


def test_every_model_that_is_made_is_compared(models):
    assert sorted(path.stem for path in models.glob("*.keras")) == sorted([*MODELS, *APPLICATIONS])


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", APPLICATIONS)
def test_networks_of_keras_applications(models, name, suffix):
    compare(models, name, suffix)


def test_a_wrong_weight_would_be_seen(models):
    adopted = compare(models, "conv2d", ".keras")
    assert [node.name for node in adopted.network.nodes][:3] == ["first", "first_relu", "conv2d"]
    adopted.variables.params["first"]["bias"] += 0.1
    arrays = np.load(models / "conv2d.npz")
    x = arrange(arrays["x0"], adopted.input_shape)
    made, _ = adopted.network.forward(Context(get_backend("numpy")), *adopted.variables, x)
    expected = arrange(arrays["y0"], made.shape[1:])
    assert np.abs(made - expected).max() > 1e-4 * np.abs(expected).max()


def test_a_layer_that_is_called_twice_keeps_one_set_of_weights(models):
    adopted = adopt_keras(models / "nested.keras")
    sharing = [node for node in adopted.network.nodes if node.shares is not None]
    assert {node.shares for node in sharing} == {"inner_block_conv", "inner_block_norm", "head"}
    assert "head" in adopted.variables.params
    assert not adopted.variables.params.keys() & {node.name for node in sharing}


def test_what_became_of_each_layer_is_told(models):
    nodes = {node.name: node for node in adopt_keras(models / "in_training_alone.keras").nodes}
    assert nodes["random_flip"].note == "changes images in training; inference: does nothing"
    assert nodes["random_flip"].became == ""
    assert (nodes["last"].operator, nodes["last"].became) == ("keras.Conv2D", "last")
