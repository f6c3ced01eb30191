"""Weight files of our own formats whose architecture, metadata or position lie: `inspect` lists what they hold."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hostile.case import Case

_HUGE = 10**300
_NESTED: list[Any] = [{"type": "ReLU"}]
for _ in range(100):
    _NESTED = [{"type": "Sequential", "layers": _NESTED}]
_POSITION = {
    "epoch": 1, "batch": 0, "step": 4, "loss_sum": 0.0, "correct": 0, "images": 0, "seconds": 0.0, "waited": 0,
    "best": None, "finished": False, "history": [{"epoch": 1, "loss": 0.5, "accuracy": 0.5, "seconds": 0.1}],
}  # fmt: skip
_RUN = {"recipe": "net", "options": {"epochs": 3, "batch_size": 3, "optimizer": "sgd"}, "backend": "numpy"}


def _first_layer(**fields: Any) -> dict[str, Any]:
    """Return an architecture whose first layer has these fields."""
    dense = {"type": "Dense", "features": 2, "path": "1", "input_shape": [64], "output_shape": [2]}
    flatten = {"type": "Flatten", "path": "0", "input_shape": [1, 8, 8], "output_shape": [64]}
    return {"input_shape": [1, 8, 8], "layers": [flatten | fields, dense]}


_ARCHITECTURES: dict[str, Any] = {
    "features": {"input_shape": [64], "layers": [{"type": "Dense", "features": 2**40, "path": "1"}]},
    "features_huge": {"input_shape": [64], "layers": [{"type": "Dense", "features": _HUGE, "path": "1"}]},
    "features_text": {"input_shape": [64], "layers": [{"type": "Dense", "features": "2", "path": "1"}]},
    "enlarged": _first_layer(type="ConvTranspose2D", features=1, window=1, stride=2**30, bias=False),
    "padded": _first_layer(type="MaxPool2D", window=2**31, stride=1, padding=2**31 - 1),
    "shape_text": _first_layer() | {"input_shape": ["ones", 8, 8]},
    "shape_huge": _first_layer() | {"input_shape": [_HUGE, 8, 8]},
    "shape_none": _first_layer() | {"input_shape": None},
    "output_lies": _first_layer(output_shape=[2**40]),
    "output_text": _first_layer(output_shape="64"),
    "path_number": _first_layer(path=0),
    "path_climbs": _first_layer(path="../../etc"),
    "type_unknown": _first_layer(type="Lambda", code="touch broken"),
    "type_list": _first_layer(type=["Flatten"]),
    "branches_text": _first_layer(type="Branches", branches="adam:epsilon=1e300"),
    "body_number": _first_layer(type="Residual", body=7),
    "layers_number": {"input_shape": [1, 8, 8], "layers": 7},
    "layers_null": {"input_shape": [1, 8, 8], "layers": None},
    "layers_nested": {"input_shape": [1, 8, 8], "layers": _NESTED},
    "empty": {},
}
_METADATA: dict[str, Any] = {
    "seed_negative": {"seed": -1}, "seed_text": {"seed": "0"}, "loss_unknown": {"loss": "__import__('os')"},
    "loss_range": {"loss": "huber:delta=1e300"}, "names_numbers": {"class_names": [0, 1]},
    "names_many": {"class_names": ["x" * 1000] * 500}, "scaling_huge": {"scaling": {"offset": 0, "factor": _HUGE}},
    "scaling_large": {"scaling": {"offset": 1e308, "factor": -1e308}}, "scaling_text": {"scaling": "1/255"},
    "data_climbs": {"data": {"name": "../../../../etc/passwd", "path": "../../../../etc/passwd"}},
    "data_absolute": {"data": {"name": "/dev/zero"}}, "data_list": {"data": ["digits"]},
    "history_texts": {"history": [{"epoch": "one", "loss": "<script>", "seconds": []}], "kept": {"epoch": 2**70}},
    "run_batch": {"run": {"options": {"batch_size": []}}}, "run_list": {"run": [1, 2]},
    "recipe_path": {"recipe": "../../../etc/passwd"}, "provenance": {"provenance": [1]},
}  # fmt: skip
_POSITIONS: dict[str, Any] = {
    "epoch_negative": {"epoch": -1}, "epoch_huge": {"epoch": _HUGE, "step": _HUGE}, "batch_huge": {"batch": 2**62},
    "step_less": {"step": 0, "batch": 3}, "history_texts": {"history": ["one"]}, "history_short": {"history": []},
    "history_seconds": {"history": [{"epoch": 1, "loss": 0.5, "accuracy": 0.5}]},
    "history_figures": {"history": [{"epoch": 1, "loss": "low", "accuracy": None, "seconds": {}}]},
    "best": {"best": {"epoch": 7, "loss": 0.1}}, "waited_list": {"waited": [1]},
}  # fmt: skip


def _write(suffix: str, **changes: Any) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        from cnnkit import Model, Sequential, exporters
        from cnnkit.layers import Dense, Flatten

        model = Model(Sequential((Flatten(), Dense(2))), (1, 8, 8), class_names=("dark", "bright"))
        model.metadata |= {"data": {"name": "bright-dark"}, "run": _RUN}
        weights = model.to_weights()
        if "metadata" in changes:
            changes["metadata"] = weights.metadata | changes["metadata"]
        lying = replace(weights, **({"position": _POSITION} | changes))
        exporters.write(lying, path, {"h5": "hdf5"}.get(suffix, suffix), overwrite=True)

    return write


CASES = (
    *(
        Case(f"stored_architecture_{name}.{suffix}", "weights", f"an architecture: {name}", write, (0,))
        for name, value in _ARCHITECTURES.items()
        for suffix in ("h5", "safetensors")
        for write in [_write(suffix, architecture=value)]
    ),
    *(
        Case(f"stored_metadata_{name}.h5", "weights", f"metadata: {name}", _write("h5", metadata=value), (0,))
        for name, value in _METADATA.items()
    ),
    *(
        Case(
            f"stored_position_{name}.h5",
            "weights",
            f"a position: {name}",
            _write("h5", position=_POSITION | value),
            (0,),
        )
        for name, value in _POSITIONS.items()
    ),
)
