"""Steps of a graph that run together: one on the whole batch, or several on shards of it."""

import functools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cnnkit.backends.protocol import Array
from cnnkit.layers.base import Context
from cnnkit.layers.graph.graph_step import GraphStep, Reference, ValueMap, add_gradient, add_gradients
from cnnkit.tree import Tree


class SegmentCache(NamedTuple):
    """What the steps need for the backward pass of each shard."""

    size: int  # samples per shard
    shards: list[list[Any]]  # the steps' caches, for each shard


@dataclass(frozen=True)
class Segment:
    """Neighbouring steps; `inputs` come from before, `outputs` are read after them.

    sharded  whether they treat samples one by one and run through the backend's map_samples
    dropped  values that nothing reads after the segment
    """

    steps: tuple[GraphStep, ...]
    inputs: tuple[Reference, ...]
    outputs: tuple[Reference, ...]
    sharded: bool
    dropped: tuple[Reference, ...]

    @functools.cached_property
    def _label(self) -> str:
        return repr([(step.layer, step.inputs) for step in self.steps])

    def forward(self, context: Context, params: Tree, state: Tree, values: ValueMap) -> SegmentCache:
        """Add the outputs to `values` and return what the backward pass needs."""
        arrays = [values[reference] for reference in self.inputs]

        def run(first: int, *parts: Array) -> tuple[list[Array], list[Any]]:
            inner, local = context.shifted(first), dict(zip(self.inputs, parts, strict=True))
            caches = [step.forward(inner, params, state, local) for step in self.steps]
            return [local[reference] for reference in self.outputs], caches

        size = self._shard_size(context, arrays)
        if size >= arrays[0].shape[0]:
            results = [run(0, *arrays)]
        else:
            results = context.backend.map_samples(run, size, *arrays, label=f"forward {self._label}")
        values.update(zip(self.outputs, _join(context, [outputs for outputs, _ in results]), strict=True))
        for reference in self.dropped:
            del values[reference]
        return SegmentCache(size, [caches for _, caches in results])

    def _shard_size(self, context: Context, arrays: Sequence[Array]) -> int:
        """Return the samples of a shard: what the largest images among the inputs allow; rows are one shard."""
        sizes = [context.backend.shard_size(array.shape) for array in arrays if array.ndim > 2]
        return min(sizes) if sizes and self.sharded else arrays[0].shape[0]

    def backward(
        self, context: Context, params: Tree, cache: SegmentCache, gradients: ValueMap, needed: frozenset[Reference]
    ) -> Tree:
        """Take the outputs' gradients out of `gradients`, add those of the inputs that are `needed`.

        Returns the gradients of the parameters under the names of their owners.
        """
        active = [
            (i, step) for i, step in enumerate(self.steps) if step.owner in params or needed.intersection(step.inputs)
        ]
        given = [reference for reference in self.outputs if reference in gradients]
        if not active:
            return {}
        wanted = [reference for reference in self.inputs if reference in needed]

        def run(first: int, *parts: Array) -> tuple[list[Array], Tree]:
            inner, local, total = context.shifted(first), dict(zip(given, parts, strict=True)), dict[str, Any]()
            caches = cache.shards[first // cache.size if first else 0]
            for i, step in reversed(active):
                add_gradients(total, step.owner, step.backward(inner, params, caches[i], local, needed))
            return [local[reference] for reference in wanted], total

        arrays = [gradients.pop(reference) for reference in given]
        if len(cache.shards) == 1:
            results = [run(0, *arrays)]
        else:
            results = context.backend.map_samples(run, cache.size, *arrays, label=f"backward {self._label}")
        for reference, part in zip(wanted, _join(context, [dxs for dxs, _ in results]), strict=True):
            add_gradient(gradients, reference, part)
        total: Tree = {}
        for _, grads in results:
            for owner, tree in grads.items():
                add_gradients(total, owner, tree)
        return total

    def next_state(self, state: Tree, cache: SegmentCache) -> Tree:
        """Return the state after a training step; steps with state run alone, on the whole batch."""
        for step, step_cache in zip(self.steps, cache.shards[0], strict=True):
            state = step.next_state(state, step_cache)
        return state


def _join(context: Context, shards: Sequence[Sequence[Array]]) -> list[Array]:
    """Return each value of all shards as one array."""
    if len(shards) == 1:
        return list(shards[0])
    return [context.backend.concatenate(parts) for parts in zip(*shards, strict=True)]


def make_segment(steps: Sequence[GraphStep], read_later: Collection[Reference], sharded: bool) -> Segment:
    """Return the segment of these steps, of whose values those in `read_later` are read after it."""
    made = dict.fromkeys(reference for step in steps for reference in step.outputs)
    taken = dict.fromkeys(reference for step in steps for reference in step.inputs)
    inputs = tuple(reference for reference in taken if reference not in made)
    outputs = tuple(reference for reference in made if reference in read_later)
    dropped = tuple(reference for reference in inputs if reference not in read_later)
    return Segment(_drop_early(steps, set(outputs)), inputs, outputs, sharded, dropped)


def _drop_early(steps: Sequence[GraphStep], kept: set[Reference]) -> tuple[GraphStep, ...]:
    """Return the steps, each dropping what none after it reads."""
    live, changed = set(kept), []
    for step in reversed(steps):
        gone = tuple(dict.fromkeys(r for r in (*step.inputs, *step.outputs) if r not in live))
        changed.append(step.dropping(gone))
        live.update(step.inputs)
    return tuple(reversed(changed))
