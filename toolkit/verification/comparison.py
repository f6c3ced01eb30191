"""A file against the one that the replay of its training would write: every tensor, row, count and link."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.files.names import describe_value, printable
from cnnkit.training.hash_chain import HashChain
from cnnkit.verification.claim import Claim
from cnnkit.verification.consistency import tell_tensor
from cnnkit.verification.mismatch import Mismatch

CLOCK = ("seconds",)  # what no step computes
KINDS: tuple[str, ...] = ("parameter", "state", "optimizer")  # of tensors that a training changes
_APART = ("history", "chain", "of_epoch", "finished", *CLOCK)  # of a position: compared elsewhere, or not at all


def compare(
    claim: Claim, chain: HashChain | None, replayed: WeightFile, links: HashChain | None, per_epoch: int,
    kinds: tuple[str, ...] = KINDS,
) -> list[Mismatch]:  # fmt: skip
    """Return all differences between a claim with its chain and the replay's file with its chain, in no order.

    A replay that stopped at a link that differs is compared up to there alone. per_epoch: updates of an epoch.
    kinds: of the tensors to compare.
    """
    found = list(compare_links(chain, links)) if chain is not None and links is not None else []
    position: Mapping[str, Any] = replayed.position or {}
    found += compare_rows(claim.history, position["history"], per_epoch)
    if position["step"] < claim.steps:
        return found
    for row in claim.history[len(position["history"]) :][:1]:
        problem = f"a row of epoch {describe_value(row.get('epoch'))}, which the replay has not"
        found.append(Mismatch("history", problem))
    step = claim.steps
    best = claim.position.get("best")
    kept = best["epoch"] * per_epoch if isinstance(best, Mapping) and isinstance(best.get("epoch"), int) else step
    found += compare_tensors(claim.file, replayed, {"parameter": kept, "state": kept, "optimizer": step}, kinds)
    for name, value in position.items():
        told = claim.position.get(name)
        if name not in _APART and told != value and not (name == "planned" and name not in claim.position):
            found.append(Mismatch("position", f"{name}: {describe_value(told)}, the replay has {value}", step))
    return found


def compare_links(told: HashChain, replayed: HashChain) -> Iterator[Mismatch]:
    """Yield the tensors of the first link of a replay that is not that of the claim."""
    for number, (link, expected) in enumerate(zip(told.links, replayed.links, strict=False)):
        if link.digest != expected.digest:
            step = number * told.every
            for name, claimed, value in zip(told.names, link.hashes, expected.hashes, strict=True):
                if claimed != value:
                    problem = "the link has the hash of other values than the replay's"
                    yield tell_tensor("chain", name, problem, step, max(step - told.every, 0))
            return


def compare_rows(
    told: list[dict[str, Any]], replayed: list[dict[str, Any]], per_epoch: int, first: int = 0
) -> Iterator[Mismatch]:
    """Yield the first figure of each epoch's row that is not the replay's. first: epochs before those replayed."""
    for row in replayed[first:]:
        number = row["epoch"]
        claimed: Mapping[str, Any] = told[number - 1] if number <= len(told) else {}
        for name in [*row, *(name for name in claimed if name not in row)]:
            if name in CLOCK or (name in claimed and claimed[name] == row.get(name, _NOTHING)):
                continue
            got, expected = (describe_value(values.get(name)) for values in (claimed, row))
            problem = f"epoch {number}, {printable(name, 60)}: {got}, the replay has {expected}"
            yield Mismatch("history", problem, number * per_epoch, (number - 1) * per_epoch)
            break


def compare_tensors(
    told: WeightFile, replayed: WeightFile, steps: Mapping[str, int], kinds: tuple[str, ...] = KINDS
) -> Iterator[Mismatch]:
    """Yield the tensors that are not bit for bit those of the replay. steps: by kind, after which they were so."""
    for kind in kinds:
        claimed = {tensor.name: tensor for tensor in told.select(kind)}
        expected = {tensor.name: tensor for tensor in replayed.select(kind)}
        for name in [*expected, *(name for name in claimed if name not in expected)]:
            problem = _compare_values(claimed.get(name), expected.get(name))
            if problem is not None:
                layer = (expected.get(name) or claimed[name]).layer
                yield Mismatch(kind, problem, steps[kind], layer=layer, tensor=name)


def _compare_values(told: Tensor | None, replayed: Tensor | None) -> str | None:
    if told is None or replayed is None:
        return "is missing" if told is None else "the replay has none"
    if (told.dtype, told.shape) != (replayed.dtype, replayed.shape):
        return f"{told.dtype} {told.shape}, the replay has {replayed.dtype} {replayed.shape}"
    values, expected = told.read(), replayed.read()
    bits = np.dtype(f"u{values.dtype.itemsize}")
    differing = np.flatnonzero(values.reshape(-1).view(bits) != expected.reshape(-1).view(bits))
    if not len(differing):
        return None
    place = tuple(map(int, np.unravel_index(differing[0], values.shape)))
    one, other = values[place], expected[place]
    return f"{len(differing):,} of {values.size:,} values differ, first {place}: {one!s}, the replay has {other!s}"


_NOTHING = object()
