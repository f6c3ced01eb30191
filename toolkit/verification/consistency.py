"""What a file contradicts in itself: seen before any step is computed again."""

from collections.abc import Iterator, Mapping
from typing import Any

from cnnkit import losses
from cnnkit.exporters.core.weight_file import LATEST, WeightFile
from cnnkit.files.names import describe_value
from cnnkit.training import Training
from cnnkit.training.averaging import EpochAverage
from cnnkit.training.hash_chain import ChainError, HashChain, hash_tensor, name_arrays
from cnnkit.training.run import differences, identity
from cnnkit.training.stored_position import find_fault
from cnnkit.verification.claim import Claim
from cnnkit.verification.mismatch import Mismatch

_FREE = ("backend", "device", "threads")  # of the identity: what may be another in the replay


def list_contradictions(claim: Claim, training: Training, chain: HashChain | None) -> Iterator[Mismatch]:
    """Yield what the file says in two ways. training: of the claim, at its start; chain: that of the claim."""
    yield from _compare_options(claim, training)
    metadata, position = claim.file.metadata, dict(claim.position)
    fault = find_fault(position, training)
    if fault is not None:
        yield Mismatch("position", fault)
    if metadata.get("history") != (position["history"] if claim.steps else None):
        yield Mismatch("history", "the metadata and the position have other rows")
    yield from _compare_kept(claim)
    if chain is not None:
        yield from _compare_end(claim, chain, training)


def read_chain(claim: Claim, training: Training) -> HashChain | Mismatch | None:
    """Return the claim's chain, None where it has none, a difference where its links do not follow from each other."""
    stored = claim.position.get("chain")
    if training.chain is None:
        return None if stored is None else Mismatch("chain", "is there, the options have no keep_every")
    try:
        return HashChain.from_json(stored, training.chain.every, training.chain.names, claim.steps)
    except ChainError as error:
        return Mismatch("chain", str(error), error.step)


def compare_link(chain: HashChain, step: int, training: Training) -> Iterator[Mismatch]:
    """Yield each tensor of the training, which is at this step, that is not that of the chain's link."""
    link = chain.links[step // chain.every]
    to_numpy = training.model.backend.to_numpy
    arrays = name_arrays(training.variables)
    for name, claimed in zip(chain.names, link.hashes, strict=True):
        if hash_tensor(to_numpy(arrays[name])) != claimed:
            yield tell_tensor("chain", name, "the link has the hash of other values", step, max(step - chain.every, 0))


def tell_tensor(part: str, name: str, problem: str, step: int, after: int | None = None) -> Mismatch:
    """Return the difference of a tensor by its name in a chain."""
    return Mismatch(part, problem, step, after, name.rpartition("/")[2].rpartition(".")[0], name)


def _compare_options(claim: Claim, training: Training) -> Iterator[Mismatch]:
    metadata, run, model = claim.file.metadata, claim.run, training.model
    loss, data = losses.render(losses.fit_outputs(losses.parse(claim.options.loss), model.output_names)), run["data"]
    names = list(model.class_names)
    for part, told, expected in (
        ("seed", metadata.get("seed"), claim.options.seed),
        ("loss", metadata.get("loss"), loss),
        ("class_names", metadata.get("class_names"), names),
        ("scaling", metadata.get("scaling"), model.scaling.to_json()),
        ("recipe", metadata.get("recipe"), run.get("recipe")),
        ("data", _get(metadata.get("data"), "sha256"), data["sha256"]),
        *((name, _get(metadata.get("provenance"), name), run.get(name)) for name in (*_FREE, "dtype")),
    ):
        if told != expected:
            got = f"{describe_value(told)} in the metadata, {describe_value(expected)} by the run"
            yield Mismatch(part, got)
    if run.get("new_head") is not None and run.get("init_from") is None:
        yield Mismatch("new_head", f"{describe_value(run['new_head'])}, of a training that started from no file")
    recipe, started = str(run.get("recipe")), run.get("init_from")
    wanted = identity(
        model, training.dataset, claim.options, recipe, started, run.get("tf32") is True, run.get("new_head")
    )
    for name, text in differences(run, wanted).items():
        if name not in _FREE:
            yield Mismatch("options" if name in wanted["options"] else name, text)


def _compare_kept(claim: Claim) -> Iterator[Mismatch]:
    """Yield a difference where the metadata tell of weights of another epoch than the position."""
    position, told = claim.position, claim.file.metadata.get("kept")
    best = position.get("best")
    epoch, batch = position.get("epoch"), position.get("batch")
    kept = {"epoch": epoch, "batches": batch} if best is None else {"epoch": _get(best, "epoch"), "batches": 0}
    if told != (kept if claim.steps else None):
        yield Mismatch("kept", f"{describe_value(told)} in the metadata, {describe_value(kept)} by the position")


def _compare_end(claim: Claim, chain: HashChain, training: Training) -> Iterator[Mismatch]:
    """Yield each tensor of the file that is not that of the last link, where that is the step at which the file is."""
    if chain.step != claim.steps:
        return
    held = list_live(claim.file)
    skipped = (
        "average." if isinstance(training.averaging, EpochAverage) else "\0"
    )  # changes after the epoch's last step
    for name, claimed in zip(chain.names, chain.links[-1].hashes, strict=True):
        tensor = held.get(name)
        if name.startswith(skipped) or tensor is None:
            continue
        values = tensor.read()
        if hash_tensor(values) != claimed:
            problem = "the last link of the chain has the hash of other values"
            yield tell_tensor(tensor.kind, name, problem, claim.steps)


def list_live(file: WeightFile) -> Mapping[str, Any]:
    """Return {name in a chain: tensor} of what a training would go on from."""
    slots = {tensor.name: tensor for tensor in file.select("optimizer")}
    live = {tensor.name: tensor for tensor in (*file.select("parameter"), *file.select("state"))}
    found = {}
    for name, tensor in live.items():
        kind = "params" if tensor.kind == "parameter" else "state"
        found[name] = slots.get(f"{LATEST}.{kind}.{name}", tensor)
    prefixes = {name.partition(".")[0] for name in slots} - {LATEST, "average"}
    for name, tensor in slots.items():
        first, _, rest = name.partition(".")
        if first in prefixes:
            found[f"{first}/{rest}"] = tensor
        elif first == "average":
            part, _, rest = rest.partition(".")
            found[f"average.{part}/{rest}"] = tensor
    return found


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None
