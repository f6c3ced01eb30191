"""Checks of the members that run a step: assignment, shards, compilation, synchronisation."""

from typing import Any, NamedTuple

import numpy as np

from cnnkit.flat_tree import FlatTree, flat_tree
from cnnkit.parity.check import Arena, Case
from cnnkit.parity.draw import Draw, draw_normal, draw_shape
from cnnkit.parity.primitives.registering import Checks
from cnnkit.tree import Tree

CHECKS = Checks()
FLAG = np.array(True)


@CHECKS.add("assign", grid=[(), (3,), (2, 3, 4)])
def assign(draw: Draw, shape: tuple[int, ...] | None) -> Case:
    """The target has the value; the value itself does not change."""
    shape = draw_shape(draw) if shape is None else shape
    x, y = draw_normal(draw, *shape), draw_normal(draw, *shape)

    def run(arena: Arena) -> dict[str, Any]:
        value = arena.array(y)
        return {"target": arena.backend.assign(arena.array(x), value), "value": value}

    return Case(f"shape {shape}", run, "exact", wanted={"target": y, "value": y})


@CHECKS.add("shard_size", grid=[(64, 3, 32, 32), (1, 1, 1, 1), (7, 5)])
def shard_size(draw: Draw, shape: tuple[int, ...] | None) -> Case:
    """At least one sample, and equal for equal shapes."""
    shape = shape or draw_shape(draw, 2)

    def run(arena: Arena) -> dict[str, Any]:
        one, other = arena.backend.shard_size(shape), arena.backend.shard_size(shape)
        return {"fits": np.array(type(one) is type(other) is int and 1 <= one == other)}

    return Case(f"shape {shape}", run, "exact", wanted={"fits": FLAG}, dtype=None)


@CHECKS.add("map_samples", grid=[(7, 3), (8, 4), (3, 10), (1, 1), (20, 1)])
def map_samples(draw: Draw, given: tuple[int, int] | None) -> Case:
    """The function on shards of `size` samples in order, each with the position of its first sample."""
    count, size = given or (draw.integer(1, 20), draw.integer(1, 12))
    x, y = draw_normal(draw, count, 3), draw_normal(draw, count)

    def run(arena: Arena) -> dict[str, Any]:
        def work(first: int, x: Any, y: Any) -> tuple[int, Any]:
            return first, x * y.reshape((-1, 1)) + first

        shards = arena.backend.map_samples(work, size, arena.array(x), arena.array(y))
        parts = [arena.host(part) for _, part in shards]
        return {"firsts": np.array([first for first, _ in shards]), "values": np.concatenate(parts)}

    firsts = np.arange(0, count, size)
    product = np.asarray(x * y[:, None] + np.repeat(firsts, size)[:count, None])
    wanted = {"firsts": firsts, "values": product}
    return Case(f"{count} samples, shards of {size}", run, kinds={"firsts": "exact"}, wanted=wanted, dtype=None)


class CompiledState(NamedTuple):
    """The state that the compiled step changes, in the containers of a training: a flat tree and a tree."""

    weights: FlatTree
    state: Tree


@CHECKS.add("compile", grid=[(3, 1), (4, 2)])
def check_compile(draw: Draw, given: tuple[int, int] | None) -> Case:
    """The compiled step gives the results of the step in every call.

    Inputs change their values from call to call, and some calls change their shape.
    """
    calls, sizes = given or (draw.integer(1, 5), draw.integer(1, 3))
    start = draw_normal(draw, 4)
    inputs = [draw_normal(draw, 2 + i % sizes, 4) for i in range(calls)]

    def run(arena: Arena) -> dict[str, Any]:
        backend = arena.backend

        def step(carried: CompiledState, x: Any, scalars: Any) -> Any:
            flat = carried.weights.flat
            moved = backend.assign(flat, flat + backend.sum(x, axis=0) * scalars["rate"])
            total = backend.assign(carried.state["total"], carried.state["total"] + scalars["step"])
            return CompiledState(carried.weights.renewed(moved), {"total": total}), backend.sum(moved) * 2.0

        ready, reports = backend.compile(step), []
        carried = CompiledState(flat_tree(backend, {"a": arena.array(start[:1]), "b": {"c": arena.array(start[1:])}}),
                    {"total": arena.array(np.zeros(1))})  # fmt: skip
        for i, x in enumerate(inputs):
            carried, report = ready(carried, arena.array(x), {"rate": 0.5 * (i + 1), "step": i})
            reports.append(arena.host(report))
        leaves = np.concatenate([arena.host(carried.weights["a"]), arena.host(carried.weights["b"]["c"])])
        return {"leaves": leaves, "total": carried.state["total"], "reports": np.stack(reports)}

    reached = [start]
    for i, x in enumerate(inputs):
        reached.append(reached[-1] + x.sum(axis=0) * 0.5 * (i + 1))
    wanted = {
        "leaves": reached[-1],
        "total": np.array([float(sum(range(calls)))]),
        "reports": 2 * np.array([values.sum() for values in reached[1:]]),
    }
    return Case(f"{calls} calls, {sizes} shapes", run, wanted=wanted, dtype=None)


@CHECKS.add("launches", grid=[0], drawn=False)
def launches(draw: Draw, _: Any) -> Case:
    """Counts never decrease."""
    x = draw_normal(draw, 4, 4)

    def run(arena: Arena) -> dict[str, Any]:
        before = dict(arena.backend.launches())
        arena.backend.matmul(arena.array(x), arena.array(x))
        after = arena.backend.launches()
        good = [after.get(name, 0) >= count > 0 for name, count in before.items()]
        return {"counted": np.array(all(good))}

    return Case("before and after a product", run, "exact", wanted={"counted": FLAG}, dtype=None)


@CHECKS.add("synchronize", grid=[0], drawn=False)
def synchronize(draw: Draw, _: Any) -> Case:
    """It waits and changes nothing."""
    x = draw_normal(draw, 50, 50)

    def run(arena: Arena) -> dict[str, Any]:
        y = arena.array(x) + 1.0
        arena.backend.synchronize()
        return {"y": y}

    return Case("after a sum", run, wanted={"y": x + 1.0})


@CHECKS.add("data_bytes", grid=[0], drawn=False)
def data_bytes(_draw: Draw, _: Any) -> Case:
    """A whole number of bytes, 0 or more."""

    def run(arena: Arena) -> dict[str, Any]:
        size: Any = arena.backend.data_bytes()
        return {"fits": np.array(isinstance(size, int) and size >= 0)}

    return Case("one call", run, "exact", wanted={"fits": FLAG}, dtype=None)


@CHECKS.add("out_of_memory", grid=[0], drawn=False)
def out_of_memory(_draw: Draw, _: Any) -> Case:
    """True for a MemoryError, False for a wrong value or an interrupt."""
    errors = (MemoryError("1 GiB"), ValueError("memory"), KeyboardInterrupt())

    def run(arena: Arena) -> dict[str, Any]:
        return {"answers": np.array([bool(arena.backend.out_of_memory(error)) for error in errors])}

    wanted = {"answers": np.array([True, False, False])}
    return Case("three errors", run, "exact", wanted=wanted, dtype=None)
