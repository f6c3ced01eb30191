"""A spot check: some segments of a training, drawn at random, between the states that were kept on the way.

A segment is replayed from the state at its begin; the links of the chain, the rows of the history and the state at its
end must come out. So a lie anywhere lies in some segment, and no segment can be made afterwards to fit another: all
hang in one chain. Where no state was kept, the first steps are replayed alone, which sees every lie about what the
training began with.
"""

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from cnnkit import exporters
from cnnkit.errors import ConfigError
from cnnkit.training import Training
from cnnkit.training.checkpoint import to_epoch_weights, to_weights
from cnnkit.training.hash_chain import HashChain
from cnnkit.training.kept_epochs import list_epochs
from cnnkit.verification import comparison
from cnnkit.verification.claim import Claim
from cnnkit.verification.consistency import compare_link
from cnnkit.verification.figures import compare_end, compare_test
from cnnkit.verification.mismatch import Mismatch, order
from cnnkit.verification.rebuild import list_plans
from cnnkit.verification.replay import Progress, replay
from cnnkit.verification.started import list_faults, load_state
from cnnkit.verification.verdict import Spot, Verdict

Choose = Callable[[int, int], Sequence[int]]
SHARE = 20  # of the steps that are replayed where no state was kept


def choose_at_random(segments: int, count: int) -> Sequence[int]:
    """Return `count` numbers below `segments`, each once, which nobody can know before."""
    return sorted(random.SystemRandom().sample(range(segments), count))


def check_spots(
    claim: Claim,
    fresh: Training,
    chain: HashChain | None,
    count: int,
    choose: Choose = choose_at_random,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
) -> Verdict:
    """Return the verdict on so many segments of a claim. fresh: its training, at its start.

    Raises ConfigError where nothing was kept that a part can be compared with.
    """
    if chain is None:
        raise ConfigError(
            f"{claim.file.file}: holds no chain of hashes to compare a part with: verify all of it, without --spot; "
            "train with --keep-every, and with --save-every for states to begin at"
        )
    places = _list_places(claim, fresh)
    if len(places) == 1:
        return _check_first(claim, fresh, chain, progress, tell)
    sampled = choose(len(places), min(count, len(places)))
    ends = [step for step, _ in places[1:]] + [claim.steps]
    steps = sum(ends[number] - places[number][0] for number in sampled)
    spot = Spot(len(places), tuple(number + 1 for number in sampled))
    if tell is not None:
        chance = f"a lie in one of them is seen with {spot.probability(1):.0%}, in all of them with 100%"
        tell(f"to replay: {steps:,} of {claim.steps:,} updates, {len(sampled)} of {len(places)} segments; {chance}")
    found: list[Mismatch] = []
    for number in sampled:
        after = places[number + 1][1] if number + 1 < len(places) else None
        found += _check_segment(claim, fresh, chain, places[number][1], ends[number], after, progress)
        if found:
            break
    links = sum(ends[number] // chain.every - places[number][0] // chain.every for number in sampled)
    return Verdict(tuple(sorted(found, key=order)), claim.steps, steps, 0, 0, 0, links, (), spot)


def _list_places(claim: Claim, fresh: Training) -> list[tuple[int, Path | None]]:
    """Return (step, file) where a segment begins: the seed, then each state beside the file."""
    places: list[tuple[int, Path | None]] = [(0, None)]
    kept = list_epochs(Path(claim.file.file)) if claim.file.file else ()
    for epoch, path in kept:
        if 0 < epoch * fresh.steps_per_epoch < claim.steps:
            places.append((epoch * fresh.steps_per_epoch, path))
    return places


def _check_segment(
    claim: Claim, fresh: Training, chain: HashChain, begins: Path | None, end: int, after: Path | None,
    progress: Progress | None,
) -> list[Mismatch]:  # fmt: skip
    """Return the differences of one segment, from a state (None: the start) to `end`, where another state is."""
    training = fresh
    if begins is not None:
        state = exporters.read(begins)
        training = load_state(claim, fresh, state)
        faults = list(list_faults(claim, chain, state, training))
    else:
        faults = list(compare_link(chain, 0, training))
    if faults:
        return faults
    first = training.position.epoch
    replayed = replay(training, end, list_plans(claim), chain, progress)
    if isinstance(replayed, Mismatch):
        return [replayed]
    assert replayed.chain is not None  # noqa: S101 (for the type checker)
    found = list(comparison.compare_links(chain, replayed.chain))
    found += comparison.compare_rows(claim.history, list(replayed.position.history), replayed.steps_per_epoch, first)
    if found or replayed.position.step < end:
        return found
    if after is None:
        return _compare_last(claim, replayed, first)
    kept = exporters.read(after)
    load_state(claim, fresh, kept)
    steps = dict.fromkeys(comparison.KINDS, end)
    return [
        Mismatch(part.part, f"{after.name}: {part.problem}", part.step, part.after, part.layer, part.tensor)
        for part in comparison.compare_tensors(kept, to_epoch_weights(replayed), steps)
    ]


def _compare_last(claim: Claim, replayed: Training, first: int) -> list[Mismatch]:
    """Return the differences between the file and the end of the training; best weights of epochs before are unknown.

    first: the epochs before the segment.
    """
    best = replayed.position.best
    kinds = ("optimizer",) if best is not None and best.epoch <= first else comparison.KINDS
    steps = dict.fromkeys(comparison.KINDS, claim.steps)
    found = list(comparison.compare_tensors(claim.file, to_weights(replayed), steps, kinds))
    if not found:
        found += [*compare_end(claim, replayed), *(compare_test(claim, replayed) if kinds == comparison.KINDS else ())]
    return found


def _check_first(
    claim: Claim, fresh: Training, chain: HashChain, progress: Progress | None, tell: Callable[[str], None] | None
) -> Verdict:
    """Return the verdict on the first steps, a twentieth of all, up to a link."""
    steps = min(math.ceil(max(claim.steps // SHARE, 1) / chain.every) * chain.every, claim.steps)
    if tell is not None:
        tell(
            f"to replay: the first {steps:,} of {claim.steps:,} updates, as no state was kept to begin another part at"
        )
    found = list(compare_link(chain, 0, fresh))
    if not found:
        replayed = replay(fresh, steps, list_plans(claim), chain, progress)
        if isinstance(replayed, Mismatch):
            found = [replayed]
        else:
            assert replayed.chain is not None  # noqa: S101 (for the type checker)
            found = list(comparison.compare_links(chain, replayed.chain))
    note = f"steps {steps + 1:,} to {claim.steps:,} were not replayed: a lie that begins there is not seen"
    spot = Spot(1, (1,), first_only=True)
    return Verdict(tuple(sorted(found, key=order)), claim.steps, steps, 0, 0, 0, steps // chain.every, (note,), spot)
