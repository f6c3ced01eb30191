"""From a file's claim to its training again, at its start or at a state that was kept on the way."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cnnkit import architecture, exporters, weights
from cnnkit.adopting.opening import read_network
from cnnkit.backends.protocol import Backend
from cnnkit.backends.registry import get_backend
from cnnkit.data.dataset import Dataset
from cnnkit.errors import ConfigError, PlacedError, WeightFileError
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.files.file_digest import sha256_of
from cnnkit.network import Network
from cnnkit.options import Options
from cnnkit.training import Training, checkpoint
from cnnkit.training.initialise import initialise
from cnnkit.training.stored_position import read_plans
from cnnkit.verification.claim import Claim


def choose_backend(
    claim: Claim, name: str | None = None, device: str | None = None, threads: int | None = None
) -> Backend:
    """Return the backend to replay on: the named one, by default that of the training with its device and threads."""
    same = name in (None, claim.backend)
    stored: Any = claim.run.get("threads")
    usual = stored if same and type(stored) is int and stored > 0 else None
    told = str(claim.run.get("device")) if same else None
    tf32 = same and claim.run.get("tf32") is True
    return get_backend(name or claim.backend, device or told, threads or usual, tf32, claim.numerics)


def begin(claim: Claim, dataset: Dataset, backend: Backend, initial: Path | None = None) -> Training:
    """Return the training at its start: weights drawn from the seed, or taken from the file that it started from.

    initial: that file, where the claim has the hash of one.

    Raises WeightFileError, ConfigError or DataError where the file names a network or options that do not fit.
    """
    model = _build(claim, claim.file, dataset, backend, drawn=True)
    started = claim.run.get("init_from")
    if started is None and initial is not None:
        raise ConfigError(f"{claim.file.file}: its weights were drawn from the seed: leave --init-from out")
    if started is not None:
        _initialise(claim, model, str(started), initial)
    return Training(model, dataset, _first_options(claim))


def begin_at(claim: Claim, dataset: Dataset, backend: Backend, state: WeightFile) -> Training:
    """Return the training at a state of it that a file holds; its chain is that of the claim up to there.

    Raises WeightFileError where the file holds no such state.
    """
    position: Mapping[str, Any] = state.position or {}
    chain, step, every = claim.position.get("chain"), position.get("step"), claim.options.keep_every
    if isinstance(chain, dict) and isinstance(chain.get("links"), list) and isinstance(step, int) and every:
        chain = chain | {"links": chain["links"][: step // every + 1]}
    state = replace(state, position=dict(position) | {"chain": chain})
    options = _first_options(claim)
    plans = read_plans(state, options, step if isinstance(step, int) else 0)
    options = replace(options, epochs=plans[-1][1])
    model = _build(claim, state, dataset, backend, drawn=False)
    return checkpoint.resume(model, dataset, options, state, lacking_best=True)


def follow_plan(training: Training, epochs: int) -> Training:
    """Return the training with another number of epochs from here on, as a resumed one has it."""
    if training.options.epochs == epochs:
        return training
    stored = checkpoint.to_weights(training)
    return checkpoint.resume(training.model, training.dataset, replace(training.options, epochs=epochs), stored)


def list_plans(claim: Claim) -> list[tuple[int, int]]:
    """Return (step, epochs): how many epochs were planned from which step on."""
    return list(read_plans(claim.file, claim.options, claim.steps))


def _first_options(claim: Claim) -> Options:
    """Return the options of the training as it began; without patience, as the claim says how far it went."""
    return replace(claim.options, epochs=list_plans(claim)[0][1], patience=None)


def _build(claim: Claim, file: WeightFile, dataset: Dataset, backend: Backend, drawn: bool) -> Network:
    """Return the network of a file, with the file's variables or newly drawn ones."""
    description, metadata = weights.complete(file)
    try:
        network, input_shape = architecture.build(description)
        shapes = network.variable_shapes(input_shape)
    except (ConfigError, PlacedError) as error:
        raise WeightFileError(f"architecture: {error}", file=file.file) from None
    variables = weights.read_variables(file, shapes)  # also where they are drawn: a hostile file may ask for any size
    return Network(
        network, input_shape, backend=backend, dtype=claim.dtype, seed=claim.options.seed, loss=claim.options.loss,
        class_names=dataset.class_names, scaling=dataset.scaling, metadata=metadata,
        variables=None if drawn else variables,
    )  # fmt: skip


def _initialise(claim: Claim, model: Network, started: str, initial: Path | None) -> None:
    told = f"{claim.file.file}: its training started from the weights of another file (SHA-256 {started[:16]}...)"
    if initial is None:
        raise ConfigError(f"{told}: name that file with --init-from FILE")
    found = sha256_of(initial)
    if found != started:
        raise ConfigError(f"{told}, got {initial} ({found[:16]}...): name that file with --init-from FILE")
    source, head = exporters.read(initial), claim.run.get("new_head")
    if head is not None:
        source = read_network(initial, False, source)
        source = replace(source, tensors=tuple(tensor for tensor in source if tensor.layer != head))
    initialise(model, initial, source)
