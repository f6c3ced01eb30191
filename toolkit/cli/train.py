"""`cnnkit train`: a network and a data set in, a file with every trained weight out."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from cnnkit.cli.place import require_other
from cnnkit.cli.train_request import TrainRequest
from cnnkit.errors import ConfigError
from cnnkit.files.names import printable

if TYPE_CHECKING:
    from cnnkit.cli.group import CommandGroup
    from cnnkit.cli.prepared_run import PreparedRun
    from cnnkit.exporters.core.weight_file import WeightFile
    from cnnkit.training import Training

EXAMPLE = "cnnkit train --recipe lenet5 --data mnist --backend torch --epochs 3 --plot curves.svg"


def command(request: TrainRequest) -> int:
    """Train a network and write weights.h5: architecture, every weight, history and provenance."""
    from cnnkit.cli.group import join_workers
    from cnnkit.files.writing.abandoned import clear_abandoned
    from cnnkit.files.writing.claim import claim

    _require_names(request.out, request.plot, request.log)
    with join_workers() as workers, ExitStack() as stack:

        def take_place() -> None:
            require_other(request.out, data=request.data, model=request.model)
            for place in (request.log, request.plot, request.tensorboard):
                require_other(place, data=request.data, model=request.model, init_from=request.init_from)
            clear_abandoned(request.out.parent)  # also where nothing will be written
            stack.enter_context(claim(request.out))

        workers.lead(take_place)
        return _train(request, workers)


def _train(request: TrainRequest, workers: "CommandGroup") -> int:
    from cnnkit.cli.epoch_files import EpochFiles, plan
    from cnnkit.cli.prepared_run import begin, prepare
    from cnnkit.cli.resumed_run import resume
    from cnnkit.cli.saves import Saves
    from cnnkit.cli.training_job import Job, lacks_test, say_skipped
    from cnnkit.files.writing.atomic import require_writable

    output, group = request.output, workers.group
    training: Training | None = None
    if request.resume:
        prepared, training, file = workers.agree(lambda: resume(request, group))
        done = training.finished and (file.position or {}).get("finished")
        held = file if done and not lacks_test(file, prepared.dataset) else None
    else:
        prepared = workers.agree(lambda: prepare(request, group))
        held = workers.lead(lambda: _find_held(request, prepared))

    def tell_held() -> bool:
        if held is not None:
            say_skipped(output, held, request.out, request.plot)
        return held is not None

    if workers.decide(tell_held):
        return 0
    ready = workers.agree(lambda: begin(prepared, group)) if training is None else training
    workers.agree(ready.require_same)

    def open_files() -> EpochFiles:
        if request.watch is not None and ready.dataset.test is None:
            raise ConfigError(f"--watch test: {printable(ready.dataset.name, 200)} has no test images: leave it out")
        for place in filter(None, (request.out, request.plot)):
            require_writable(place)  # now, rather than after hours of work
        return plan(request, ready)

    files = workers.lead(open_files) or EpochFiles(request.out)
    output.note(prepared.describe(ready))
    for said in filter(None, (ready.coupling, ready.unlike)):
        output.note(said)
    saves = Saves(ready, request.out, request.checkpoint_every, writes=workers.is_first)
    watches = request.watch is not None
    return Job(ready, output, saves, files, request.plot, request.limit_test, workers, request.log_every, watches).run()


def _find_held(request: TrainRequest, prepared: "PreparedRun") -> "WeightFile | None":
    """Return OUT where it holds this very run, finished, None where it may be written.

    Raises ConfigError where it holds something else, which is not to be replaced.
    """
    from cnnkit.cli.prepared_run import explain_ways
    from cnnkit.cli.training_job import lacks_test
    from cnnkit.training.run import existing

    earlier = None if request.overwrite else existing(request.out, prepared.run)
    if earlier is None:
        return None
    file = earlier.file if earlier.same and earlier.finished else None
    if file is None or lacks_test(file, prepared.dataset):
        raise ConfigError(explain_ways(request.out, prepared, earlier))
    return file


def _require_names(out: Path, plot: Path | None, log: Path | None) -> None:
    """Raise ConfigError for names of files that train does not write; nothing has been read yet."""
    if out.suffix not in (".h5", ".hdf5"):
        raise ConfigError(
            f"--out: expected a name that ends in .h5, got {out}: train writes HDF5, cnnkit export the other formats"
        )
    for option, place, others in (("--log", log, (out, plot)), ("--plot", plot, (out,))):
        if place is not None and os.path.realpath(place) in {os.path.realpath(other) for other in others if other}:
            raise ConfigError(f"{option}: expected a file of its own, got {place}, which is written otherwise too")
    if plot is not None:
        from cnnkit.training.figure_file import require_plottable

        require_plottable(plot)
