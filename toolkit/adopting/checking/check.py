"""How far an adopted network is from the file that it was made of, value by value, on drawn inputs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cnnkit.adopting.adopted import Adopted, AdoptedNode
from cnnkit.adopting.checking.worker_process import find_runtime, run_runtime
from cnnkit.backends.protocol import Backend
from cnnkit.errors import ConfigError
from cnnkit.layers import Context
from cnnkit.tree import map_leaves

LARGEST = 1e-4  # difference allowed, relative to the largest value that the file's runtime gives
Arrays = dict[str, Any]
_SEED = 20


class NodeDifference(NamedTuple):
    """What a node of the file gives, compared: absolute, and relative to the largest value of its runtime."""

    node: str
    operator: str
    became: str
    largest: float
    relative: float

    @property
    def close(self) -> bool:
        """Whether the values agree; NaN agrees with nothing."""
        return self.relative <= LARGEST


class AdoptionCheck(NamedTuple):
    """The result of a comparison.

    against      "onnxruntime", or another backend of cnnkit where the runtime is not installed
    outputs      the outputs of the network; differences: the nodes between, in the file's order
    skipped      nodes whose values the runtime does not tell, or in a layout that could not be matched
    reason       why the file's own runtime was not asked; "" where it was
    """

    against: str
    samples: int
    outputs: tuple[NodeDifference, ...]
    differences: tuple[NodeDifference, ...]
    skipped: tuple[str, ...]
    reason: str = ""

    @property
    def passed(self) -> bool:
        """Whether all outputs agree; a value between may differ where the outputs do not."""
        return bool(self.outputs) and all(row.close for row in self.outputs)

    @property
    def first_divergence(self) -> NodeDifference | None:
        """The first node whose values do not agree."""
        return next((row for row in (*self.differences, *self.outputs) if not row.close), None)


def check_adopted(
    adopted: Adopted, path: Path, kind: str, backend: Backend, samples: int, other: Callable[[], Backend],
    external: bool = False,
) -> AdoptionCheck:  # fmt: skip
    """Compare an adopted network with the runtime of its file, on inputs drawn from a normal distribution.

    kind: the file's format. other: gives the backend to compare with where that runtime is not installed, or cannot
    run the file. external: let the runtime open the files beside it that it names.
    """
    inputs = draw_inputs(adopted.input_shape, samples)
    ours = _run(adopted, backend, inputs)
    runtime = find_runtime(kind)
    if runtime is None:
        return _compare_backends(adopted, ours, inputs, other(), "its runtime is not installed" if kind else "")
    try:
        return _compare_runtime(adopted, ours, inputs, path, kind, runtime, external)
    except ConfigError as error:
        return _compare_backends(adopted, ours, inputs, other(), str(error))


def _compare_backends(
    adopted: Adopted, ours: Arrays, inputs: list[Any], against: Backend, reason: str
) -> AdoptionCheck:
    """Return how far another backend of cnnkit is."""
    rows = [
        _compare(name, "", name, values, theirs)
        for (name, values), theirs in zip(ours.items(), _run(adopted, against, inputs).values(), strict=True)
    ]
    outputs = [row for row in rows if row.node.startswith("output ")]
    between = [row for row in rows if not row.node.startswith("output ")]
    name = f"cnnkit's backend {against.name}"
    return AdoptionCheck(name, len(inputs[0]), tuple(outputs), tuple(between), (), reason)


def _compare_runtime(
    adopted: Adopted, ours: Arrays, inputs: list[Any], path: Path, kind: str, runtime: str, external: bool
) -> AdoptionCheck:
    """Return how far the runtime of the file is. Raises ConfigError where it cannot run the file."""
    given = [np.moveaxis(x, 1, -1) if adopted.channels_last and x.ndim > 2 else x for x in inputs]
    nodes = list(_list_compared(adopted.nodes))
    theirs = run_runtime(
        kind, path, [np.ascontiguousarray(x) for x in given], [node.result for node in nodes], external
    )
    rows, skipped = [], []
    for node in nodes:
        held, wanted = ours.get(node.gives or node.became), theirs.get(node.result)
        if wanted is None or held is None or (matching := _match_layout(held, wanted)) is None:
            skipped.append(node.name or node.result)
        else:
            rows.append(_compare(node.name or node.result, node.operator, node.became, held, matching))
    outputs = []
    for place, name in enumerate(name for name in ours if name.startswith("output ")):
        wanted = theirs.get(f"output{place}")
        matching = None if wanted is None else _match_layout(ours[name], wanted)
        outputs.append(_compare(name, "", "", ours[name], np.nan if matching is None else matching))
    return AdoptionCheck(runtime, len(inputs[0]), tuple(outputs), tuple(rows), tuple(skipped))


def draw_inputs(input_shape: Any, samples: int) -> list[Any]:
    """Return one float32 array (samples, *shape) for each input."""
    shapes = input_shape if input_shape and isinstance(input_shape[0], tuple | list) else (input_shape,)
    drawn = np.random.default_rng(_SEED)
    return [drawn.normal(size=(samples, *shape)).astype(np.float32) for shape in shapes]


def _run(adopted: Adopted, backend: Backend, inputs: list[Any]) -> Arrays:
    """Return what each node of the network gives, by its name, and its outputs as "output 0", "output 1"."""
    params, state = (
        map_leaves(lambda values: backend.asarray(np.asarray(values, "float32"), "float32"), tree)
        for tree in adopted.variables
    )
    arrays: tuple[Any, ...] = tuple(backend.asarray(x, "float32") for x in inputs)
    x: Any = arrays[0] if len(inputs) == 1 else arrays
    results: Arrays = {}
    network: Any = adopted.network
    context = Context(backend)
    with np.errstate(all="ignore"):
        for name, _, y in network.outputs(context, params, state, x):
            parts = y if isinstance(y, tuple) else (y,)
            results[name] = backend.to_numpy(parts[0]).copy()
            results |= {f"{name}:{place}": backend.to_numpy(part).copy() for place, part in enumerate(parts) if place}
        y, _ = network.forward(context, params, state, x)
    for place, part in enumerate(y if isinstance(y, tuple) else (y,)):
        results[f"output {place}"] = backend.to_numpy(part).copy()
    return results


def _list_compared(nodes: tuple[AdoptedNode, ...]) -> Iterator[AdoptedNode]:
    """Yield the nodes whose values a layer of the network gives: of several that became one layer, the last."""
    last = {node.gives or node.became: place for place, node in enumerate(nodes) if node.became and node.result}
    places = set(last.values())
    yield from (node for place, node in enumerate(nodes) if place in places)


def _match_layout(ours: Any, theirs: Any) -> Any:
    """Return the runtime's values in our layout: as they are, or with channels moved first; None where neither fits."""
    fitting = [theirs] if theirs.shape == ours.shape else []
    if theirs.ndim > 2:
        moved = np.moveaxis(theirs, -1, 1)
        fitting += [moved] if moved.shape == ours.shape else []
    if not fitting and theirs.size == ours.size and theirs.ndim != ours.ndim:
        fitting = [theirs.reshape(ours.shape)]
    return min(fitting, key=lambda values: float(np.max(np.abs(values - ours), initial=0.0)), default=None)


def _compare(node: str, operator: str, became: str, ours: Any, theirs: Any) -> NodeDifference:
    with np.errstate(all="ignore"):
        difference = np.abs(np.asarray(ours, np.float64) - theirs)
        difference = np.where(np.asarray(ours) == theirs, 0.0, difference)  # infinities that agree
        largest = float(np.max(difference, initial=0.0))
        scale = float(np.max(np.abs(np.where(np.isfinite(theirs), theirs, 0.0)), initial=0.0))
    return NodeDifference(node, operator, became, largest, largest / max(scale, 1e-30) if largest else 0.0)
