"""`cnnkit train`: a network and a data set in, a file with every trained weight out."""

import os
from pathlib import Path

from cnnkit.cli.place import require_other
from cnnkit.cli.train_request import TrainRequest
from cnnkit.errors import ConfigError

EXAMPLE = "cnnkit train --recipe lenet5 --data mnist --backend torch --epochs 3 --plot curves.svg"


def command(request: TrainRequest) -> int:
    """Train a network and write weights.h5: architecture, every weight, history and provenance."""
    from cnnkit.files.writing.abandoned import clear_abandoned
    from cnnkit.files.writing.claim import claim

    _require_names(request.out, request.plot, request.log)
    require_other(request.out, data=request.data, model=request.model)
    for place in (request.log, request.plot, request.tensorboard):
        require_other(place, data=request.data, model=request.model, init_from=request.init_from)
    clear_abandoned(request.out.parent)  # also where nothing will be written
    with claim(request.out):
        return _train(request)


def _train(request: TrainRequest) -> int:
    from cnnkit.cli.epoch_files import plan
    from cnnkit.cli.prepared_run import begin, explain_ways, prepare
    from cnnkit.cli.resumed_run import resume
    from cnnkit.cli.training_job import Job, lacks_test, say_skipped
    from cnnkit.files.writing.atomic import require_writable
    from cnnkit.training.run import existing

    output = request.output
    if request.resume:
        prepared, training, file = resume(request)
        if training.finished and (file.position or {}).get("finished") and not lacks_test(file, prepared.dataset):
            say_skipped(output, file, request.out, request.plot)
            return 0
    else:
        prepared = prepare(request)
        earlier = None if request.overwrite else existing(request.out, prepared.run)
        held = None if earlier is None or not (earlier.same and earlier.finished) else earlier.file
        if held is not None and not lacks_test(held, prepared.dataset):
            say_skipped(output, held, request.out, request.plot)
            return 0
        if earlier is not None:
            raise ConfigError(explain_ways(request.out, prepared, earlier))
        training = begin(prepared)
    for place in filter(None, (request.out, request.plot)):
        require_writable(place)  # now, rather than after hours of work
    files = plan(request, training)
    output.note(prepared.describe(training))
    if training.coupling is not None:
        output.note(training.coupling)
    places = (request.out, files, request.checkpoint_every, request.plot)
    return Job(training, output, *places, request.limit_test).run()


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
