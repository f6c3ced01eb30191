"""What `cnnkit train` writes after an epoch besides OUT: logs, and the weights of epochs that are kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cnnkit import exporters
from cnnkit.cli.place import require_other
from cnnkit.cli.train_request import TrainRequest
from cnnkit.errors import ConfigError
from cnnkit.files.writing.atomic import require_writable
from cnnkit.training import Training
from cnnkit.training.checkpoint import to_epoch_weights
from cnnkit.training.kept_epochs import list_epochs, name_epoch
from cnnkit.training.logs import EpochLog, TensorBoardLog, open_log
from cnnkit.training.run import MAY_CHANGE


@dataclass(frozen=True)
class EpochFiles:
    """The logs of a training, and every how many epochs its weights are kept in a file of their own.

    options: what the command line says of them, which a command that continues repeats.
    """

    out: Path
    logs: tuple[EpochLog, ...] = ()
    save_every: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def record(self, training: Training, entry: Mapping[str, Any]) -> None:
        """Write what is due after the epoch of `entry`. Raises OSError or CnnkitError where that fails."""
        for log in self.logs:
            log.write(entry)
        if self.save_every and entry["epoch"] % self.save_every == 0:
            exporters.write(to_epoch_weights(training), name_epoch(self.out, entry["epoch"]), "hdf5", overwrite=True)


def plan(request: TrainRequest, training: Training) -> EpochFiles:
    """Return the files that the options request, none of them written yet.

    Raises ConfigError or OSError where one cannot be written, or holds something of another training.
    """
    history = training.position.history if request.resume else None
    logs: list[EpochLog] = []
    if request.log is not None:
        logs.append(open_log(request.log, history))
    if request.tensorboard is not None:
        epoch = training.position.epoch if request.resume else None
        logs.append(TensorBoardLog(request.tensorboard, _identify(training), epoch, request.overwrite))
    for log in logs:
        log.require_writable()
    if request.save_every is not None:
        _require_free(request)
    options = {"--log": request.log, "--tensorboard": request.tensorboard, "--save-every": request.save_every}
    return EpochFiles(request.out, tuple(logs), request.save_every, options)


def _identify(training: Training) -> dict[str, Any]:
    """Return what decides the figures of a training, without what may change when it goes on."""
    run = training.model.metadata.get("run", {})
    options = {name: value for name, value in run.get("options", {}).items() if name not in MAY_CHANGE}
    return {name: value for name, value in run.items() if name not in MAY_CHANGE} | {"options": options}


def _require_free(request: TrainRequest) -> None:
    """Raise ConfigError where weights of epochs lie beside OUT already: those of another training."""
    require_writable(name_epoch(request.out, 1))
    for _, path in list_epochs(request.out):
        require_other(path, data=request.data, model=request.model, init_from=request.init_from)
        if not request.resume and not request.overwrite:
            raise ConfigError(f"--save-every: {path}: already exists: --overwrite replaces it, -o OTHER.h5 keeps it")
