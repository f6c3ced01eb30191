"""A replay that begins at a state which was kept on the way: another file of the same training."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cnnkit import exporters
from cnnkit.errors import ConfigError, WeightFileError
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.training import Training
from cnnkit.training.hash_chain import ChainError, HashChain
from cnnkit.training.run import MAY_CHANGE, differences
from cnnkit.verification.claim import Claim
from cnnkit.verification.comparison import compare_links, compare_rows
from cnnkit.verification.consistency import compare_link
from cnnkit.verification.mismatch import Mismatch
from cnnkit.verification.rebuild import begin_at


def begin_from(
    claim: Claim, fresh: Training, chain: HashChain | None, path: Path
) -> tuple[Training, list[Mismatch], bool]:
    """Return the training at the state in a file, how the state differs from the claim, and whether it lacks the best.

    fresh: the training at its start. Raises WeightFileError or ConfigError where the file holds no state on its way.
    """
    state = exporters.read(path)
    training = load_state(claim, fresh, state)
    found = list(list_faults(claim, chain, state, training))
    return training, found, (state.position or {}).get("of_epoch") is not None


def load_state(claim: Claim, fresh: Training, state: WeightFile) -> Training:
    """Return the training at the state of a file. Raises WeightFileError or ConfigError where it is of another one."""
    run, position = state.metadata.get("run"), state.position
    if not isinstance(run, Mapping) or position is None:
        told = "holds no state of a training: --save-every keeps some where --keep-every is given too"
        raise WeightFileError(told, file=state.file)
    differs = [text for name, text in differences(run, claim.run).items() if name not in MAY_CHANGE]
    if differs:
        raise ConfigError(f"{state.file}: is of another training than {claim.file.file} ({'; '.join(differs)})")
    training = begin_at(claim, fresh.dataset, fresh.model.backend, state)
    if training.position.step > claim.steps:
        after = f"step {training.position.step:,}, after step {claim.steps:,} of {claim.file.file}"
        raise ConfigError(f"{state.file}: expected a state on the way, got {after}")
    return training


def list_faults(claim: Claim, chain: HashChain | None, state: WeightFile, training: Training) -> Iterator[Mismatch]:
    """Yield where a state is not on the way that the claim tells of, as far as is seen without a step."""
    position: Mapping[str, Any] = state.position or {}
    yield from compare_rows(claim.history, position["history"], training.steps_per_epoch)
    if chain is None:
        return
    if position.get("chain") is not None:
        try:
            own = HashChain.from_json(position["chain"], chain.every, chain.names, training.position.step)
        except ChainError as error:
            yield Mismatch("chain", f"of {state.file}: {error}", error.step)
            return
        yield from compare_links(chain, own)
    if training.position.step % chain.every == 0:
        yield from compare_link(chain, training.position.step, training)
