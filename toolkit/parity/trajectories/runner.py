"""One contestant's training, step by step."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cnnkit.layers import Layer, Variables
from cnnkit.network import Network
from cnnkit.optimizers import Optimizer
from cnnkit.parity.check import Arena
from cnnkit.parity.trajectories.plan import TrainingPlan
from cnnkit.precision import EPSILON, HALF, array_dtype
from cnnkit.seeds import Purpose, generator
from cnnkit.training.batches import Batch
from cnnkit.training.position import Position
from cnnkit.training.step import TrainState, make_step
from cnnkit.training.training import Training
from cnnkit.tree import Tree, flatten, map_leaves

Weights = dict[str, Any]  # dotted name -> NumPy array


@dataclass(frozen=True)
class Contestant:
    """A participant of a comparison: a backend in a dtype; `network` and `optimizer`, when given, replace the plan's.

    nudge  seed by which each initial weight is moved one ulp of the dtype `ulp_of` up or down; None: not at all
    """

    name: str
    arena: Arena
    network: Layer | None = None
    optimizer: Optimizer | None = None
    nudge: int | None = None
    ulp_of: str = "float32"


def prepare_training(contestant: Contestant, plan: TrainingPlan) -> Training:
    """Return the training before its first step. Initial weights are rounded to the dtype."""
    network = contestant.network or plan.network
    initial = plan.network.init(generator(plan.options.seed, Purpose.WEIGHTS), plan.input_shape)
    params = map_leaves(lambda p: np.asarray(p).astype(array_dtype(contestant.arena.dtype)), initial.params)
    if contestant.nudge is not None:
        rng = np.random.default_rng(contestant.nudge)
        params = map_leaves(lambda p: _move_by_ulp(p, rng, contestant.ulp_of), params)
    backend, dtype = contestant.arena
    variables = Variables(params, initial.state)
    model = Network(
        network, plan.input_shape, backend=backend, dtype=dtype, seed=plan.options.seed, variables=variables
    )
    training = Training(model, plan.data, plan.options)
    if contestant.optimizer is not None:
        training.optimizer, (params, state, *_) = contestant.optimizer, training.variables
        slots = contestant.optimizer.init(model.backend, params, model.array_dtype)
        training.step = make_step(replace(training.work, optimizer=contestant.optimizer))
        training.start_from(TrainState(params, state, slots), Position())
    return training


def _move_by_ulp(p: Any, rng: np.random.Generator, dtype: str) -> Any:
    """Return each float32 value moved by one ulp of a dtype, up or down. Zeros stay zero: see docs/parity.md."""
    way = rng.choice([-np.inf, np.inf], p.shape).astype(p.dtype)
    if dtype not in HALF:
        return np.where(p == 0, p, np.nextafter(p, way))
    ulp = np.ldexp(np.float32(EPSILON[dtype]), np.frexp(p)[1])  # p = m * 2^e with m from 0.5: its ulp is EPSILON * 2^e
    return np.where(p == 0, p, p + np.copysign(ulp, way))


def iterate_batches(training: Training) -> Iterator[Batch]:
    """Yield the batches of all steps, on the backend."""
    for epoch in range(training.options.epochs):
        yield from training.batches(Position(epoch=epoch))


def train_stepwise(contestant: Contestant, plan: TrainingPlan) -> Iterator[Weights]:
    """Yield weights and running statistics after each step, on the host."""
    training = prepare_training(contestant, plan)
    scale = training.position.loss_scale
    with np.errstate(all="ignore"):
        for i, batch in zip(range(plan.steps), iterate_batches(training), strict=False):
            training.variables, _, scale = training.run_step(training.variables, batch, i, (), scale)
            host = training.model.to_host
            yield flatten(host(training.variables.params)) | flatten(host(training.variables.state))


def replay_to_step(
    contestant: Contestant, plan: TrainingPlan, step: int
) -> tuple[dict[str, Tree], Any, Any, dict[str, Any]]:
    """Return (params, state and slots; x; labels; scalars) just before a step counted from 0, on the host."""
    training = prepare_training(contestant, plan)
    host, scale = training.model.to_host, training.position.loss_scale
    with np.errstate(all="ignore"):
        for i, batch in enumerate(iterate_batches(training)):
            if i == step:
                params, state, slots, _ = training.variables
                trees = {"params": host(params), "state": host(state), **{n: host(t) for n, t in slots.items()}}
                to_numpy = training.model.backend.to_numpy
                return trees, np.array(to_numpy(batch.x)), np.array(to_numpy(batch.targets)), training.scalars(i)
            training.variables, _, scale = training.run_step(training.variables, batch, i, (), scale)
    raise ValueError(step)
