"""What steps report, read from the device: of each step its loss and how many decisions were right."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnkit.backends.leaf_tree import Node, TreeSum
from cnnkit.backends.protocol import Backend
from cnnkit.training.batches import Counts
from cnnkit.training.sharing import Sharing
from cnnkit.training.step import StepReport

Unread = Sequence[tuple[StepReport, Counts]]


def read_reports(backend: Backend, unread: Unread, sharing: Sharing | None = None) -> list[tuple[float, int]]:
    """Return (loss, correct) of each step, the same on all workers; `correct` is 0 where nothing is decided.

    sharing: among workers, of which each has reports of its own leaves; they are added by the one tree.
    """
    if sharing is None:
        return [(_read(backend, report.loss).item(), int(_read(backend, report.correct))) for report, _ in unread]
    own = [_list_nodes(backend, report) for report, _ in unread]
    gathered = sharing.group.all_gather_json(own)
    return [
        _add_up([nodes for of_rank in gathered for nodes in of_rank[step]], sharing.count_leaves(counts.size))
        for step, (_, counts) in enumerate(unread)
    ]


def _list_nodes(backend: Backend, report: StepReport) -> list[Any]:
    """Return [first, stop, loss, its dtype, correct] of each node."""
    listed = []
    for node, share in report.loss.items():
        loss = _read(backend, share)
        listed.append([*node, loss.item(), loss.dtype.name, int(_read(backend, report.correct[node]))])
    return listed


def _add_up(nodes: Sequence[Sequence[Any]], leaves: int) -> tuple[float, int]:
    total, correct = TreeSum[Any](leaves), 0
    with np.errstate(all="ignore"):  # a loss that is not finite is for the training to explain
        known = set[Node]()  # in exact numerics each part of a batch tells the same loss
        for first, stop, loss, dtype, right in nodes:
            if (first, stop) not in known:
                total.add((first, stop), np.dtype(dtype).type(loss))
            known.add((first, stop))
            correct += right
        return float(total.whole), correct


def _read(backend: Backend, array: Any) -> Any:
    return np.asarray(backend.to_numpy(array))
