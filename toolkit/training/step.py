"""One training step: forward, loss, backward, update; a function of its arguments, so that a backend can compile it."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from cnnkit.backends.leaf_tree import TreeSum
from cnnkit.backends.protocol import Array, Backend, Pair, Parts, Step
from cnnkit.layers import Context, Layer
from cnnkit.layers.half_layer import widen
from cnnkit.losses import Loss
from cnnkit.optimizers import Scalars, UpdateRule
from cnnkit.purity import impurity
from cnnkit.training import pieces
from cnnkit.training.averaging import MovingAverage
from cnnkit.training.decisions import count_right
from cnnkit.training.freezing import Freezing
from cnnkit.training.loss_scale import keep_unless, scale_gradient, unscale
from cnnkit.tree import Tree, map_leaves, map_tree

WAITING = "layers that couple samples make the leaves of a batch wait for each other"


class TrainState(NamedTuple):
    """Everything that a step changes."""

    params: Tree
    state: Tree
    slots: Tree
    average: Tree = {}  # noqa: RUF012 (never written into); see `cnnkit.training.averaging`


class StepReport(NamedTuple):
    """What a step reports of its batch; 0-d arrays, still on the device; of a worker dictionaries, see WorkerStep."""

    loss: Any
    correct: Any  # number of right decisions, before the update
    finite: Any = ()  # whether the gradients were; where the loss is not scaled () instead, which is no array


@dataclass(frozen=True)
class StepWork:
    """What a step is made of: the pass of each leaf, and the update by the sum of their gradients.

    network: as it is trained, see `Freezing`. key: two words that key the random draws in layers.
    kind: of the targets that decide, see `cnnkit.data.targets`.
    freezing: what is not trained; slots are of the trained parameters alone.
    half: the 16-bit type of half precision; in float16 a step whose gradients are not finite changes nothing.
    moving: the average that follows each update.
    """

    backend: Backend
    network: Layer
    loss: Loss
    optimizer: UpdateRule
    key: Pair
    kind: str = "class"
    freezing: Freezing | None = None
    half: str | None = None
    moving: MovingAverage | None = None

    @property
    def impurity(self) -> str | None:
        """Why its work must run in full at each call, None if it may be captured."""
        return impurity(self.network, self.loss, self.optimizer)

    def take_apart(self, variables: TrainState) -> tuple[Tree, Tree]:
        """Return (params, state) as the network takes them."""
        params, state = variables[:2]
        return (params, state) if self.freezing is None else self.freezing.take_apart(params, state)

    def passes(self, params: Tree, scalars: Scalars) -> pieces.Run:
        """Return what runs a leaf forward and backward with these parameters."""
        backend, network, half = self.backend, self.network, self.half

        def run(piece: pieces.BatchPiece, state: Tree, parts: Parts | None) -> pieces.Passed:
            seeing = backend if parts is None else backend.seeing(parts, piece.size)
            context = Context(seeing, training=True, key=self.key, step=scalars["step"], half=half)
            context = context.shifted(piece.start)
            outputs, cache = network.forward(context, params, state, piece.x)
            outputs = outputs if half is None else widen(backend, outputs)
            seen = seeing if backend.numerics == "exact" else backend  # then the loss is that of the whole batch
            value, dy = pieces.value_and_gradient(self.loss, seen, outputs, piece)
            correct = count_right(self.loss, backend, outputs, piece.targets, self.kind)
            dy = scale_gradient(dy, scalars["loss_scale"]) if half == "float16" else dy
            grads = network.parameter_gradients(context, params, cache, dy)
            if parts is None:  # else they are shares of the gradient of a batch
                grads = map_leaves(backend.finish_share, grads)
            after = network.next_state(state, cache) if state else state
            return pieces.Passed(value, correct, grads, after)

        return run

    def update(self, variables: TrainState, grads: Tree, state: Tree, scalars: Scalars) -> tuple[TrainState, Any]:
        """Return the variables after the update, and whether the gradients were finite, as a StepReport has it.

        grads: summed over all leaves. state: of the network after the passes.
        """
        backend, freezing, scaled = self.backend, self.freezing, self.half == "float16"
        kept = copy_state(variables) if scaled else None
        grads = map_leaves(backend.finish_share, grads)
        grads, finite = unscale(backend, grads, scalars["loss_scale"]) if scaled else (grads, ())
        params = self.take_apart(variables)[0]
        new_params, slots = self.optimizer.update(backend, params, grads, variables.slots, scalars)
        new_state, average = variables.state, variables.average
        if freezing is not None:
            new_params, new_state = freezing.put_together(backend, variables[:2], new_params, state)
        elif new_state:
            new_state = map_leaves(backend.assign, new_state, state)
        if self.moving is not None:
            average = self.moving.follow(backend, average, new_params, new_state, scalars)
        moved = TrainState(new_params, new_state, slots, average)
        return (keep_unless(backend, finite, moved, kept) if scaled else moved), finite


def make_step(work: StepWork, piece_size: int | None = None, batch_size: int | None = None) -> Step:
    """Return step(variables, x, targets, scalars, weights=None) -> (variables, report), compiled by the backend.

    x (N, *input_shape), targets as the loss takes them; tuples for several inputs or outputs.
    scalars: those of the optimizer and of `moving`, and "step", counted from 0; in float16 "loss_scale" too.
    weights: (N,) with a mean of 1, by which samples count in the loss.
    piece_size: how many samples a leaf has; the leaves' gradients are added up. None: all.
    batch_size: over how many samples layers couple them; None: over a leaf.
    """

    def step(
        variables: TrainState, x: Any, targets: Any, scalars: Scalars, weights: Array | None = None
    ) -> tuple[TrainState, StepReport]:
        params, state = work.take_apart(variables)
        run = work.passes(params, scalars)
        cut = pieces.cut(work.backend, work.loss, params, x, targets, weights, piece_size)
        total = TreeSum(len(cut), pieces.Passed.plus)
        if batch_size is None:
            pieces.add_up(total, cut, run, state)
        else:
            pieces.add_up_together(total, cut, run, state, batch_size, sum(piece.size for piece in cut))
        passed = total.whole
        moved, finite = work.update(variables, passed.grads, passed.state, scalars)
        return moved, StepReport(passed.loss, passed.correct, finite)

    impure = work.impurity  # why it must not be recorded, None if it may
    if batch_size is not None and batch_size != (piece_size or batch_size):
        impure = impure or WAITING
    return work.backend.compile(step, impure)


def copy_state(variables: TrainState) -> TrainState:
    """Return the variables in memory of their own: a step may overwrite those that it is given."""
    copied: TrainState = map_tree(lambda array: array * 1, variables)  # plus 0 would lose the sign of -0.0
    return copied
