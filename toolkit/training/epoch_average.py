"""The end of an epoch whose weights are averaged: the average, and running statistics that belong to it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cnnkit.layers import Layer
from cnnkit.training.averaging import EpochAverage
from cnnkit.training.pieces import slice_samples
from cnnkit.training.position import Position
from cnnkit.training.running_statistics import has_statistics, recompute
from cnnkit.training.setup import TrainingSetup
from cnnkit.training.step import TrainState
from cnnkit.tree import Tree, flatten, map_leaves, unflatten


def average_epoch(setup: TrainingSetup, variables: TrainState, position: Position) -> Tree:
    """Return the average after the epoch of a position at its end; as it is where no epoch is averaged yet.

    Running statistics are computed anew over the epoch's samples, in the batches in which they were trained on.
    """
    params, state, _, average = variables
    averaging, backend = setup.averaging, setup.model.backend
    if not isinstance(averaging, EpochAverage) or position.epoch < averaging.first:
        return average
    average = averaging.follow(backend, average, params, state, position.epoch)
    freezing = setup.freezing
    network: Layer = setup.model.network if freezing is None else freezing.network
    whole = averaging.complete(average, params, state)
    if freezing is not None:
        whole = freezing.take_apart(*whole)
    if not has_statistics(network, setup.model.input_shape):
        return average
    pieces = _cut_epoch(setup, replace(position, batch=0))
    found = recompute(backend, network, setup.model.input_shape, *whole, pieces, setup.dropout_key)
    moved = found if freezing is None else unflatten(freezing.find_moved(flatten(state), found))
    return average | {"state": map_leaves(backend.assign, average["state"], moved)}


def _cut_epoch(setup: TrainingSetup, start: Position) -> Iterator[Any]:
    """Yield x of all batches of an epoch."""
    size = setup.options.batch_size
    for batch in setup.whole_batches(start):
        for first in range(0, batch.counts.size, size):
            yield slice_samples(batch.x, first, first + size)
