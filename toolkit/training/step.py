"""One training step: forward, loss, backward, update; a function of its arguments, so that a backend can compile it."""

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

_WAITING = "layers that couple samples make the leaves of a batch wait for each other"


class TrainState(NamedTuple):
    """Everything that a step changes."""

    params: Tree
    state: Tree
    slots: Tree
    average: Tree = {}  # noqa: RUF012 (never written into); see `cnnkit.training.averaging`


class StepReport(NamedTuple):
    """What a step reports of its batch; 0-d arrays, still on the device."""

    loss: Array
    correct: Array  # number of right decisions, before the update
    finite: Any = ()  # whether the gradients were; where the loss is not scaled () instead, which is no array


def make_step(
    backend: Backend,
    network: Layer,
    loss: Loss,
    optimizer: UpdateRule,
    key: Pair,
    freezing: Freezing | None = None,
    kind: str = "class",
    half: str | None = None,
    piece_size: int | None = None,
    batch_size: int | None = None,
    moving: MovingAverage | None = None,
) -> Step:
    """Return step(variables, x, targets, scalars, weights=None) -> (variables, report), compiled by the backend.

    x (N, *input_shape), targets as the loss takes them; tuples for several inputs or outputs.
    scalars: those of the optimizer and of `moving`, and "step", counted from 0; in float16 "loss_scale" too.
    weights: (N,) with a mean of 1, by which samples count in the loss.
    key: two words that key the random draws in layers.
    freezing: what is not trained; slots are of the trained parameters alone.
    kind: of the targets that decide, see `cnnkit.data.targets`.
    half: the 16-bit type of half precision; in float16 a step whose gradients are not finite changes nothing.
    piece_size: how many samples a leaf has; the leaves' gradients are added up. None: all.
    batch_size: over how many samples layers couple them; None: over a leaf.
    moving: the average that follows each update.
    """
    trained = network if freezing is None else freezing.network
    scaled = half == "float16"

    def step(
        variables: TrainState, x: Any, targets: Any, scalars: Scalars, weights: Array | None = None
    ) -> tuple[TrainState, StepReport]:
        params, state, slots, average = variables
        if freezing is not None:
            params, state = freezing.take_apart(params, state)
        kept = copy_state(variables) if scaled else None

        def run(piece: pieces.BatchPiece, state: Tree, parts: Parts | None) -> pieces.Passed:
            seeing = backend if parts is None else backend.seeing(parts, piece.size)
            context = Context(seeing, training=True, key=key, step=scalars["step"], half=half).shifted(piece.start)
            outputs, cache = trained.forward(context, params, state, piece.x)
            outputs = outputs if half is None else widen(backend, outputs)
            value, dy = pieces.value_and_gradient(loss, backend, outputs, piece)
            correct = count_right(loss, backend, outputs, piece.targets, kind)
            dy = scale_gradient(dy, scalars["loss_scale"]) if scaled else dy
            grads = trained.parameter_gradients(context, params, cache, dy)
            after = trained.next_state(state, cache) if state else state
            return pieces.Passed(value, correct, grads, after)

        cut = pieces.cut(backend, loss, params, x, targets, weights, piece_size)
        total = TreeSum(len(cut), pieces.Passed.plus)
        if batch_size is None:
            pieces.add_up(total, cut, run, state)
        else:
            pieces.add_up_together(total, cut, run, state, batch_size)
        passed = total.whole
        grads: Tree = map_leaves(backend.finish_share, passed.grads)
        grads, finite = unscale(backend, grads, scalars["loss_scale"]) if scaled else (grads, ())
        new_params, slots = optimizer.update(backend, params, grads, slots, scalars)
        if freezing is not None:
            new_params, state = freezing.put_together(backend, variables[:2], new_params, passed.state)
        elif state:
            state = map_leaves(backend.assign, state, passed.state)
        if moving is not None:
            average = moving.follow(backend, average, new_params, state, scalars)
        moved = TrainState(new_params, state, slots, average)
        if scaled:
            moved = keep_unless(backend, finite, moved, kept)
        return moved, StepReport(passed.loss, passed.correct, finite)

    impure = impurity(network, loss, optimizer)  # why it must not be recorded, None if it may
    if batch_size is not None and batch_size != (piece_size or batch_size):
        impure = impure or _WAITING
    return backend.compile(step, impure)


def copy_state(variables: TrainState) -> TrainState:
    """Return the variables in memory of their own: a step may overwrite those that it is given."""
    copied: TrainState = map_tree(lambda array: array * 1, variables)  # plus 0 would lose the sign of -0.0
    return copied
