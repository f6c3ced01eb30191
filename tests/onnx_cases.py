"""ONNX's own tests of its operators, each as a file that cnnkit may adopt: a network with a batch.

The first input stays an input; the others become constants of the file, as weights, shapes and axes are in networks.
Operators that join activations are tried once more with all their inputs of floats as inputs.
"""

import importlib
import pkgutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case import node as node_cases

from cnnkit.adopting.onnx import adopt_onnx
from cnnkit.adopting.onnx.folding import FOLDS
from cnnkit.adopting.onnx.operators import OPERATORS
from cnnkit.backends.registry import get_backend
from cnnkit.errors import WeightFileError
from cnnkit.layers import Context
from cnnkit.tree import map_leaves

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
JOINS = frozenset(("Add", "Concat", "Div", "Max", "Mean", "Min", "Mul", "Sub", "Sum"))
ROWS = frozenset((  # a row of values may be a batch of one sample: each value is computed by itself
    "Abs", "Celu", "Clip", "Elu", "Exp", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Log", "Mish", "Neg", "Pow",
    "Reciprocal", "Relu", "Selu", "Shrink", "Sigmoid", "Softplus", "Softsign", "Sqrt", "Swish", "Tanh",
    "ThresholdedRelu", "Dropout", "Identity",
    *JOINS - {"Concat"},
))  # fmt: skip


MOVED = frozenset(("Add", "Max", "MaxPool", "Min", "Mul", "Pad", "Sub"))  # exact on whole numbers too


class NodeCase(NamedTuple):
    """One case: a model, its inputs and what it gives."""

    name: str
    op: str
    model: Any
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    rtol: float
    atol: float


def list_cases() -> Iterator[NodeCase]:
    """Yield the cases whose operators are all known, by name."""
    collected = sorted(_collect(), key=lambda case: str(case.name))
    for case in collected:
        ops = [node.op_type for node in case.model.graph.node]
        named = case.name.removeprefix("test_")
        if any(op not in OPERATORS and op not in FOLDS for op in ops) or not any(op in OPERATORS for op in ops):
            continue
        for arrays in case.data_sets:
            if all(isinstance(value, np.ndarray | np.generic) for part in arrays for value in part):
                op = ops[0] if len(ops) == 1 else "several"
                inputs, outputs = (tuple(map(np.asarray, part)) for part in arrays)
                made = NodeCase(named, op, case.model, inputs, outputs, case.rtol, case.atol)
                yield _make_floats(made) if op in MOVED and inputs[0].dtype.kind in "iu" else made


def _collect() -> list[Any]:
    """Return the cases of the package onnx whose modules are named after operators that are known."""
    wanted = {op.lower() for op in OPERATORS}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for module in pkgutil.iter_modules(node_cases.__path__):
            if module.name.replace("_", "") in wanted:
                importlib.import_module(f"{node_cases.__name__}.{module.name}")
    return list(node_cases._NodeTestCases)


def _make_floats(case: NodeCase) -> NodeCase:
    """Return a case on whole numbers with the same numbers as floats."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    kind = case.inputs[0].dtype
    values = [*model.graph.input, *model.graph.output]
    for value, array in zip(values, (*case.inputs, *case.outputs), strict=True):
        if array.dtype == kind and (case.op in JOINS or value.name in (values[0].name, values[-1].name)):
            value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    changed = {value.name for value in values if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT}

    def change(given: Any, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        pairs = zip(given, arrays, strict=True)
        return tuple(array.astype(np.float32) if value.name in changed else array for value, array in pairs)

    outputs = change(model.graph.output, case.outputs)
    return case._replace(model=model, inputs=change(model.graph.input, case.inputs), outputs=outputs)


def adopt_case(case: NodeCase, folder: Path) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    """Return (adopted, inputs, outputs). Raises WeightFileError with the reason of the first way."""
    first: WeightFileError | None = None
    for kept in _choose_inputs(case):
        model, inputs, outputs = freeze(case, kept)
        path = folder / "case.onnx"
        path.write_bytes(model.SerializeToString())
        try:
            return adopt_onnx(path), inputs, outputs
        except WeightFileError as error:
            first = first or error
    if first is None:
        raise WeightFileError("no input of floats")
    raise first


def _choose_inputs(case: NodeCase) -> Iterator[frozenset[int]]:
    floats = [i for i, value in enumerate(case.inputs) if value.dtype.kind == "f"]
    if floats and case.op == "Concat":
        yield frozenset(floats)
    if floats and floats[0] == 0:
        yield frozenset((0,))
    if floats and (case.op in JOINS or case.op == "several"):
        yield frozenset(floats)
    if floats and floats[0] != 0:
        yield frozenset(floats[:1])


def freeze(case: NodeCase, kept: frozenset[int]) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    """Return (model, inputs, outputs) with all inputs but those as initializers; rows become a batch of one."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    given = [value for value in model.graph.input if value.name]
    lifts = case.op in ROWS and max(case.inputs[i].ndim for i in kept) < 2
    inputs = []
    del model.graph.input[:]
    for index, (value, array) in enumerate(zip(given, case.inputs, strict=True)):
        if index in kept:
            lifted = array.reshape(1, -1) if lifts else array
            inputs.append(lifted)
            kind = value.type.tensor_type.elem_type
            model.graph.input.append(onnx.helper.make_tensor_value_info(value.name, kind, ["batch", *lifted.shape[1:]]))
        else:
            model.graph.initializer.append(numpy_helper.from_array(array, value.name))
    outputs = case.outputs
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    if lifts:
        outputs = tuple(array.reshape(1, -1) for array in outputs)
    return model, tuple(inputs), outputs


def run_case(adopted: Any, inputs: tuple[Any, ...], backend_name: str) -> tuple[Any, ...]:
    """Return the outputs on a backend, in float64 on the reference and in float32 on the others."""
    backend = get_backend(backend_name)
    dtype = "float64" if backend_name == "reference" else "float32"

    def move(values: Any) -> Any:
        return backend.asarray(np.array(values, dtype), dtype)

    if adopted.channels_last:
        inputs = tuple(np.moveaxis(values, -1, 1) for values in inputs)
    trees = [map_leaves(move, tree) for tree in adopted.variables]
    x = tuple(map(move, inputs)) if len(inputs) > 1 else move(inputs[0])
    y, _ = adopted.network.forward(Context(backend), *trees, x)
    several = isinstance(y, tuple)
    return tuple(np.array(backend.to_numpy(part)) for part in (y if several else (y,)))


def draw_weights(path: Path, target: Path) -> None:
    """Write the network with the results of ConstantOfShape as initializers, drawn from one seed."""
    model, rng = onnx.load(path), np.random.default_rng(7)
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    nodes, drawn = [], {}
    for node in model.graph.node:
        if node.op_type == "ConstantOfShape":
            drawn[node.output[0]] = tuple(map(int, shapes[node.input[0]]))
        else:
            nodes.append(node)
    variances = {node.input[4] for node in nodes if node.op_type == "BatchNormalization"}
    for name, shape in drawn.items():
        if len(shape) > 1:
            values = rng.normal(size=shape) * np.sqrt(2 / np.prod(shape[1:]))
        else:
            values = rng.uniform(0.5, 1.5, shape) if name in variances else 1 + 0.1 * rng.normal(size=shape)
        model.graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), name))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    target.write_bytes(model.SerializeToString())
