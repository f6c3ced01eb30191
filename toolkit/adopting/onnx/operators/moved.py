"""The indexing of torch.export: a transposition that moves the batch back, GatherND, a transposition that returns it.

x[:, places] and pools of uneven windows are written so. Where alone with a constant condition belongs to those.
"""

from dataclasses import dataclass

import numpy as np

from cnnkit.adopting.onnx.affine import add_constant, multiply_by
from cnnkit.adopting.onnx.operands import MOVED, Draft, Flow, Known
from cnnkit.adopting.onnx.operation import Operation
from cnnkit.adopting.onnx.operators.conversion import Table
from cnnkit.adopting.onnx.operators.selecting import gather
from cnnkit.adopting.onnx.operators.shaping import transpose


@dataclass(eq=False)
class Moved(Draft):
    """A value whose axis of the batch is not the first: what the next nodes see are the axes `order` of its input."""

    order: tuple[int, ...] = ()


def _convert_transpose(operation: Operation) -> Flow:
    x = operation.flow()
    rank = len(x.draft.order) if isinstance(x.draft, Moved) else x.rank
    order = operation.integers("perm") or tuple(reversed(range(rank)))
    if sorted(order) != list(range(rank)):
        raise operation.refuse(f"perm {order} is no order of {rank} axes")
    if isinstance(x.draft, Moved):
        order, x = tuple(x.draft.order[axis] for axis in order), x.draft.inputs[0]
    return _move(operation, x, order)


def _move(operation: Operation, x: Flow, order: tuple[int, ...]) -> Flow:
    """Return x with its axes in that order, which stands as a value of no layer while the batch is not the first."""
    if order[0] == 0:
        return transpose(operation, x, order)
    return Flow(Moved(None, MOVED, operation.node, (x,), (x.shape,), order=order))


def _convert_gather_nd(operation: Operation) -> Flow:
    """Take values at places along the first axes, of which each place varies along axes of its own."""
    x, known = operation.flow(), operation.known(1)
    if operation.integer("batch_dims"):
        raise operation.refuse("picks values in a way that cnnkit does not")
    if not isinstance(x.draft, Moved):
        raise operation.refuse("picks samples of the batch")
    if known.varies or not known.shape:
        raise operation.refuse("picks values in a way that cnnkit does not")
    order, places, source = x.draft.order, known.values, x.draft.inputs[0]
    count, grid = places.shape[-1], places.ndim - 1
    if not 0 < count <= len(order) or 0 in order[:count] or places.dtype.kind not in "iu":
        raise operation.refuse("picks samples of the batch")
    rest = list(order[count:])
    made: list[tuple[int, int]] = []  # (axis of source, axis of the grid), after what is picked so far
    y = source
    for number in np.argsort(order[:count])[::-1]:  # from the last axis on, so that the others keep their numbers
        along = tuple(
            axis for axis in range(grid) if (places[..., number] != places[..., number].take([0], axis)).any()
        )
        along = along or ((0,) if grid == 1 else ())
        index = [slice(None) if axis in along else 0 for axis in range(grid)]
        y = gather(operation, y, order[number], Known.of(places[(*index, number)], key=f"{known.key} {number}"))
        grown = len(along) - 1
        shift = [(axis + grown if axis > order[number] else axis, g) for axis, g in made]
        made = shift + [(order[number] + i, g) for i, g in enumerate(along)]
        rest = [axis + grown if axis > order[number] else axis for axis in rest]
    if len(made) != grid or sorted(g for _, g in made) != list(range(grid)):
        raise operation.refuse("picks values at places that are no grid")
    axes = [axis for axis, _ in sorted(made, key=lambda pair: pair[1])]
    return _move(operation, y, (*axes, *rest))


def _convert_where(operation: Operation) -> Flow:
    """Return an activation with numbers in some constant places."""
    mask, first, second = operation.known(0), operation.operand(1), operation.operand(2)
    chosen, value = (first, second) if isinstance(first, Flow) else (second, first)
    if not isinstance(chosen, Flow) or not isinstance(value, Known) or mask.varies:
        raise operation.refuse("chooses between activations, which cnnkit does not")
    if mask.values.ndim == chosen.rank and mask.values.shape[0] > 1:
        raise operation.refuse("chooses by a constant that differs from sample to sample")
    if value.values.size != 1 or not np.isfinite(value.values).all() or mask.values.dtype.kind != "b":
        raise operation.refuse("chooses between an activation and a constant that is no single finite number")
    kept = mask.values if chosen is first else ~mask.values
    number = value.values.reshape(-1)[0]
    y = multiply_by(operation, chosen, Known.of(kept.astype(np.float32), key=f"{mask.key} kept {chosen is first}"))
    if not number:
        return y
    return add_constant(operation, y, Known.of(~kept * np.float32(number), key=f"{mask.key} {value.key} filled"))


MOVED_OPERATORS: Table = {"GatherND": _convert_gather_nd, "Transpose": _convert_transpose, "Where": _convert_where}
