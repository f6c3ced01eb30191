"""`cnnkit.verify`: whether the training that a weight file tells of leads to the bits that are in it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnkit import data as readers
from cnnkit import exporters
from cnnkit.data.class_names import arrange_classes
from cnnkit.data.dataset import Dataset
from cnnkit.errors import ConfigError
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.training import Training
from cnnkit.training.checkpoint import to_weights
from cnnkit.training.hash_chain import HashChain
from cnnkit.verification import comparison
from cnnkit.verification.claim import Claim, read_claim, require_data, scale_as_trained
from cnnkit.verification.consistency import compare_link, list_contradictions, read_chain
from cnnkit.verification.engines import list_other
from cnnkit.verification.figures import compare_end, compare_test
from cnnkit.verification.mismatch import Mismatch, order
from cnnkit.verification.rebuild import begin, choose_backend, list_plans
from cnnkit.verification.replay import Progress, replay
from cnnkit.verification.spot_check import Choose, check_spots, choose_at_random
from cnnkit.verification.started import begin_from
from cnnkit.verification.verdict import Verdict

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Prepared:
    """A claim that does not contradict itself, and its training at its start.

    found: what contradicts; then the rest must not be used.
    """

    claim: Claim
    training: Training
    chain: HashChain | None
    found: tuple[Mismatch, ...] = ()


def verify(
    file: str | Path | WeightFile,
    data: str | Dataset | None = None,
    *,
    backend: str | None = None,
    device: str | None = None,
    threads: int | None = None,
    init_from: str | Path | None = None,
    start: str | Path | None = None,
    spot: int | None = None,
    progress: Progress | None = None,
    tell: Tell | None = None,
    choose: Choose = choose_at_random,
) -> Verdict:
    """Replay the training that a weight file tells of and return what of the file is not as the replay has it.

    data       the data set of the training; by default the one that the file names
    backend, device, threads  by default those of the training
    init_from  the file that the training started from, where it started from one
    start      a state of the same training to begin at, instead of the seed: what lies before it is not verified
    spot       replay so many segments between the states that `--save-every` kept, chosen by `choose`, not all
    progress   called with the position about once a second; tell: called with the cost before anything is replayed

    Raises WeightFileError, ConfigError or DataError where the file cannot be verified, and says why.
    """
    prepared = prepare(file, data, backend, device, threads, init_from)
    claim, steps = prepared.claim, prepared.claim.steps
    if prepared.found:
        return Verdict(tuple(sorted(prepared.found, key=order)), steps)
    if spot is not None:
        if start is not None:
            raise ConfigError("expected a state to start from or a spot check, got both: leave one out")
        return check_spots(claim, prepared.training, prepared.chain, spot, choose, progress, tell)
    training, found, lacking = prepared.training, list[Mismatch](), False
    if start is not None:
        training, found, lacking = begin_from(claim, prepared.training, prepared.chain, Path(start))
    first = training.position.step
    if tell is not None:
        tell(describe_cost(training, steps - first))
    if not found and prepared.chain is not None:
        found = list(compare_link(prepared.chain, first, training)) if first % prepared.chain.every == 0 else []
    if found:
        return Verdict(tuple(sorted(found, key=order)), steps, first=first)
    return judge(
        claim, prepared.chain, replay(training, steps, list_plans(claim), prepared.chain, progress), first, lacking
    )


def prepare(
    file: str | Path | WeightFile,
    data: str | Dataset | None = None,
    backend: str | None = None,
    device: str | None = None,
    threads: int | None = None,
    init_from: str | Path | None = None,
) -> Prepared:
    """Return the training of a file at its start, with what the file contradicts in itself. Raises as `verify`."""
    claim = read_claim(file if isinstance(file, WeightFile) else exporters.read(Path(file)))
    dataset = _find_data(claim, data)
    runner = choose_backend(claim, backend, device, threads)
    training = begin(claim, dataset, runner, None if init_from is None else Path(init_from))
    chain = read_chain(claim, training)
    found = list(list_contradictions(claim, training, None if isinstance(chain, Mismatch) else chain))
    if isinstance(chain, Mismatch):
        return Prepared(claim, training, None, (*found, chain))
    if not found:
        _require_same_engine(claim, training)
    return Prepared(claim, training, chain, tuple(found))


def judge(
    claim: Claim, chain: HashChain | None, replayed: Training | Mismatch, first: int = 0, lacking_best: bool = False
) -> Verdict:
    """Return the verdict on a claim after the replay of its training from step `first` on.

    lacking_best: the replay began at a state without the best weights of the epochs before.
    """
    if isinstance(replayed, Mismatch):
        return Verdict((replayed,), claim.steps, first=first)
    best, notes, kinds = replayed.position.best, tuple[str, ...](), comparison.KINDS
    if lacking_best and best is not None and best.epoch * replayed.steps_per_epoch <= first:
        kinds = ("optimizer",)
        notes = (f"the weights themselves, those of epoch {best.epoch}, lie before the state: not compared",)
    file = to_weights(replayed)
    found = comparison.compare(claim, chain, file, replayed.chain, replayed.steps_per_epoch, kinds)
    reached = replayed.position.step
    if not found and reached == claim.steps:
        found += [*compare_end(claim, replayed), *(compare_test(claim, replayed) if kinds == comparison.KINDS else ())]
    tensors, rows = sum(len(file.select(kind)) for kind in kinds), len(replayed.position.history)
    links = 0 if chain is None else reached // chain.every - first // chain.every + 1
    counts = (reached - first, first, tensors, rows - first // replayed.steps_per_epoch, links)
    return Verdict(tuple(sorted(found, key=order)), claim.steps, *counts, notes)


def describe_cost(training: Training, steps: int) -> str:
    """Return what a replay of so many steps computes, in one line."""
    model, samples = training.model, steps * training.options.update_size
    return (
        f"to replay: {steps:,} updates of {training.options.update_size} samples, about {samples:,} samples, "
        f"{model.parameters:,} parameters; {model.backend.name} on {model.backend.device}, {model.dtype}"
    )


def _find_data(claim: Claim, data: str | Dataset | None) -> Dataset:
    """Return the data of the training, with classes and scaling as the file tells them. Raises DataError."""
    if data is None:
        recorded: Any = claim.file.metadata.get("data")
        name = recorded.get("name") if isinstance(recorded, dict) else None
        if not isinstance(name, str) or not readers.is_known(name):
            raise ConfigError(f"{claim.file.file}: does not name data that are known: give data=, a path or a Dataset")
        data = name
    dataset = data if isinstance(data, Dataset) else readers.load(data)
    names = claim.file.metadata.get("class_names")
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        dataset = arrange_classes(dataset, names, str(claim.file.file))
    dataset = scale_as_trained(claim, dataset)
    require_data(claim, dataset)
    return dataset


def _require_same_engine(claim: Claim, training: Training) -> None:
    """Raise ConfigError where plain arithmetic has other last bits here."""
    other = [] if claim.numerics != "plain" else list_other(claim, training.model)
    if other:
        raise ConfigError(
            f"{claim.file.file}: cannot be verified here: trained in plain numerics, whose bits depend on "
            f"{'; '.join(other)}: verify it on such a machine, or train with --exact"
        )
