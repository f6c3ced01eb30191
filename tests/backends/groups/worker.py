"""What each worker of the tests does: every operation of its group; then one worker is lost, as the last argument says.

python worker.py FOLDER BACKEND... silent|killed: rank r writes FOLDER/r.json before that.
"""

import itertools
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from cnnkit.backends.groups import find_group
from cnnkit.backends.leaf_tree import add_in_pairs, cover
from cnnkit.backends.registry import get_backend
from cnnkit.errors import GroupError

OWNERSHIPS = ([(0, 3), (3, 6), (6, 8)], [(0, 0), (0, 5), (5, 5)], [(0, 1), (1, 2), (2, 3)], [(0, 7), (7, 7), (7, 20)])
TYPES = ("int64", "float16", "bfloat16", "float32", "float64")


def gather(group, backend):
    """Whether arrays of each type come from every rank, and back as what they were."""
    right = []
    for dtype in TYPES:
        if dtype == "bfloat16" and backend.name != "torch":
            continue
        x = backend.asarray(np.arange(6).reshape(2, 3) + 10 * group.rank, dtype)
        gathered = group.all_gather(x)
        right += [type(y) is type(x) and y.dtype == x.dtype for y in gathered]
        right += [
            np.array_equal(backend.to_numpy(y), np.arange(6).reshape(2, 3) + 10 * k) for k, y in enumerate(gathered)
        ]
        right.append(np.array_equal(backend.to_numpy(group.broadcast(x, 2)), np.arange(6).reshape(2, 3) + 20))
    few = [backend.asarray(np.full(n, group.rank, "float32")) for n in (0, 1)]
    few += [few[1].reshape((1, 1))[:, 0], backend.asarray(np.full((4, 3), group.rank, "float32"))[:, 1]]
    right += [np.all(backend.to_numpy(y) == k) for x in few for k, y in enumerate(group.all_gather(x))]
    return bool(all(right))


def reduce(group, backend, owned):
    """Whether the sum of leaves has the bits of the tree; its values are such that another order has others."""
    generator = np.random.default_rng(3)
    values = generator.standard_normal((owned[-1][1], 1001)) * 2.0 ** generator.integers(-9, 9, (owned[-1][1], 1001))
    leaves = [backend.asarray(value.astype("float32")) for value in values]
    nodes = {(a, b): add_in_pairs(leaves[a:b]) for a, b in cover(len(leaves), *owned[group.rank])}
    total = backend.to_numpy(group.reduce_leaves(nodes, [[own] for own in owned], leaves[0]))
    return total.tobytes() == backend.to_numpy(add_in_pairs(leaves)).tobytes()


def work(group, names):
    report = {"engine": group.name, "size": group.size}
    for name in names:
        backend = group.backend = get_backend(name)
        report[name] = [gather(group, backend), *(reduce(group, backend, owned) for owned in OWNERSHIPS)]
    before = group.sent_bytes
    reduce(group, group.backend, OWNERSHIPS[2])
    report["sent"] = group.sent_bytes - before
    report["json"] = group.all_gather_json({"rank": group.rank, "text": "é" * group.rank})
    time.sleep(0.7 if group.rank == 1 else 0)  # slow, not lost
    group.barrier()
    return report


def lose(group, how):
    """Stop rank 1; return what the others are told, and after how many seconds."""
    start = time.monotonic()
    if group.rank == 1:
        os.kill(os.getpid(), signal.SIGSTOP if how == "silent" else signal.SIGKILL)
    try:
        for _ in itertools.repeat(None):
            group.all_gather(np.zeros(1))
    except GroupError as error:
        return str(error), time.monotonic() - start


def main(folder, *names):
    with find_group(get_backend(names[0])) as group:
        report = work(group, names[:-1])
        file = Path(folder, f"{group.rank}.json")
        file.write_text(json.dumps(report))
        group.barrier()
        report["lost"] = lose(group, names[-1])
        file.write_text(json.dumps(report))
        sys.exit(2)


if __name__ == "__main__":
    main(*sys.argv[1:])
