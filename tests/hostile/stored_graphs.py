"""Weight files whose architecture is a Graph that lies: what a model file cannot say, `inspect` and SVG must bear."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile.case import Case


def _node(name: Any, *inputs: Any, kind: Any = "ReLU", **more: Any) -> dict[str, Any]:
    shapes = {"input_shape": [1, 8, 8], "output_shape": [1, 8, 8]}
    return {"type": kind, "name": name, "inputs": list(inputs), "path": name, **shapes, **more}


def _shared(name: str, owner: Any, *inputs: str) -> dict[str, Any]:
    return {"name": name, "shares": owner, "inputs": list(inputs), "input_shape": [64], "output_shape": [64]}


def _graph(*nodes: Any, **more: Any) -> dict[str, Any]:
    return {"input_shape": [1, 8, 8], "input_names": ["input"], "output_names": ["a"], "layers": list(nodes)} | more


def _deep(count: int) -> Any:
    value: Any = 8
    for _ in range(count):
        value = [value]
    return value


_ARCHITECTURES: dict[str, Callable[[], dict[str, Any]]] = {
    "cycle": lambda: _graph(_node("a", "b"), _node("b", "a")),
    "itself": lambda: _graph(_node("a", "a")),
    "unknown": lambda: _graph(_node("a", "nothing")),
    "like_input": lambda: _graph(_node("input", "input"), output_names=["input"]),
    "shares_loop": lambda: _graph(_shared("a", "b", "input"), _shared("b", "a", "a")),
    "shares_itself": lambda: _graph(_shared("a", "a", "input")),
    "shares_list": lambda: _graph(_shared("a", ["a"], "input")),
    "names_odd": lambda: _graph(_node("\u202e\x1b[2J<script>", "input")),
    "names_numbers": lambda: _graph(_node(5, 7)),
    "names_long": lambda: _graph(_node("n" * 200_000, "input")),
    "inputs_text": lambda: _graph(_node("a") | {"inputs": "input"}),
    "inputs_nested": lambda: _graph(_node("a", [["input"]])),
    "inputs_many": lambda: _graph(_node("a", *["input"] * 50_000, kind="Add")),
    "split_outputs": lambda: _graph(_node("a", "input", kind="Split", sizes=[2**31])),
    "split_many": lambda: _graph(_node("a", "input", kind="Split", sizes=[1] * 20_000,
                                       output_shape=[[1, 8, 8]] * 20_000)),
    "output_number": lambda: _graph(_node("a", "input"), output_names=["a:99999999999999"]),
    "output_names_many": lambda: _graph(_node("a", "input"), output_names=["a"] * 20_000),
    "output_names_number": lambda: _graph(_node("a", "input"), output_names=5),
    "input_names_many": lambda: _graph(_node("a", "i1"), input_names=[f"i{n}" for n in range(20_000)],
                                       input_shape=[[1, 8, 8]] * 20_000),
    "input_names_text": lambda: _graph(_node("a", "input"), input_names="input"),
    "input_shape_deep": lambda: _graph(_node("a", "input"), input_shape=_deep(60)),
    "shapes_deep": lambda: _graph(_node("a", "input", output_shape=_deep(60))),
    "shapes_huge": lambda: _graph(_node("a", "input", output_shape=[2**30] * 7)),
    "wide": lambda: _graph(*[_node(f"a{n}", "input", *(f"a{i}" for i in range(n)), kind="Add") for n in range(200)],
                           output_names=["a199"]),
    "many": lambda: _graph(*[_node(f"a{n}", f"a{n - 1}" if n else "input") for n in range(4_000)],
                           output_names=["a3999"]),
    "inside": lambda: _graph(_node("a", "input", kind="Graph", layers=[_node("a", "a")], input_names=["a"])),
    "nested": lambda: _graph(_nest(28)),
}  # fmt: skip


def _nest(levels: int) -> dict[str, Any]:
    inner = _node("a", "input")
    for _ in range(levels):
        inner = _node("a", "input", kind="Graph", layers=[inner], input_names=["input"], output_names=["a"])
    return inner


def _write(make: Callable[[], dict[str, Any]]) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        import numpy as np

        from cnnkit import exporters
        from cnnkit.exporters.core.weight_file import Tensor, WeightFile

        tensors = (Tensor.of("a.weight", np.ones((2, 2), np.float32), layer="a"),)
        lying = WeightFile(tensors, make(), {"loss": "a=l1;b=l1", "class_names": ["dark", "bright"]})
        exporters.write(lying, path, "safetensors", overwrite=True)

    return write


CASES = tuple(
    Case(f"stored_graph_{name}.safetensors", "weights", f"a graph: {name}", _write(make), (0, 2))
    for name, make in _ARCHITECTURES.items()
)
