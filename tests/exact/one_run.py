"""Trains cases in this process, alone or as one of a group, and prints {case: fingerprint} as JSON."""

import argparse
import json

from cnnkit.backends.groups import Group, find_group
from cnnkit.backends.protocol import Backend
from cnnkit.training.fingerprint import fingerprint
from exact.cases import CASES, LONG, train


def main() -> None:
    """Print one line of JSON; of a group only the first worker does."""
    parser = argparse.ArgumentParser("exact.one_run", description=__doc__)
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--steps", type=int, default=LONG)
    parser.add_argument("--backend", default="numpy")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device")
    parser.add_argument("--leaf", type=int)
    parser.add_argument("--numerics", default="exact")
    options = parser.parse_args()
    groups: list[Group] = []

    def join_group(backend: Backend) -> Group | None:
        if not groups:
            groups.extend(filter(None, [find_group(backend)]))
        return groups[0] if groups else None

    hashes = {}
    for name in options.cases or CASES:
        training = CASES[name].begin(
            options.backend, threads=options.threads, device=options.device, numerics=options.numerics,
            find_group=join_group, leaf=options.leaf,
        )  # fmt: skip
        hashes[name] = fingerprint(train(training, options.steps))
    for group in groups:
        group.close()
    if not groups or groups[0].rank == 0:
        print(json.dumps(hashes), flush=True)


if __name__ == "__main__":
    main()
