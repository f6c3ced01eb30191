"""What a weight file tells of its outputs is believed where it fits the network, whoever wrote it."""

import pytest

from cnnkit import Model, Sequential
from cnnkit.cli.predicted_outputs import describe_outputs
from cnnkit.layers import Conv2D, Dense, Flatten


def spec(kind, shape, names) -> dict:
    return {"kind": kind, "shape": shape, "names": names}


@pytest.mark.parametrize(
    "told",
    [
        spec("numbers", [2], ["a", "b", "c"]),
        spec("numbers", [2, 4, 4], []),
        spec("class_map", [4, 4], ["a", "b"]),
        spec("tags", [3], ["a", "b", "c"]),
        spec("class", [], ["a"]),
        spec("unheard of", [2], []),
        spec(["numbers"], [2], []),
        {"kind": "numbers", "names": ["a", "b"]},
    ],
    ids=str,
)
def test_what_does_not_fit_is_not_believed(told) -> None:
    model = Model(Sequential((Flatten(), Dense(2))), (1, 4, 4), loss="mean_squared_error")
    model.metadata["targets"] = {"output": told}
    assert describe_outputs(model) == {model.output_names[0]: {"kind": "class", "names": ()}}
    model.metadata["targets"] = {"output": spec("numbers", [2], ["a", "b"])}
    assert describe_outputs(model) == {model.output_names[0]: {"kind": "numbers", "names": ("a", "b")}}


def test_maps_are_told_by_a_file_or_by_the_loss() -> None:
    model = Model(Sequential((Conv2D(2, 1),)), (1, 4, 4), loss="softmax_cross_entropy")
    for told in (spec("class", [], ["a", "b"]), spec("class_map", [4, 4], ["a", "b"])):
        model.metadata["targets"] = {"output": told}
        assert describe_outputs(model)[model.output_names[0]]["kind"] == "class_map"
