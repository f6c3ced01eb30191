"""Reads what torch.save wrote, without torch and without running anything: names first, values when asked."""

from pathlib import Path

from cnnkit.exporters.core.faults import faults_of
from cnnkit.exporters.core.pickles.places import Places
from cnnkit.exporters.core.pickles.walk import explore
from cnnkit.exporters.core.pickles.weights import build_weight_file
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.pytorch.exported_program import ExportedProgram, is_exported
from cnnkit.exporters.pytorch.legacy_file import TorchLegacy
from cnnkit.exporters.pytorch.zip_file import TorchZip
from cnnkit.files.zips.gate import is_zip, open_zip

NAME = "torch"


def read_torch(path: Path) -> WeightFile:
    """Return the tensors of a state_dict, checkpoint, model or program. Raises WeightFileError for anything else."""
    with faults_of(path, NAME):
        if not is_zip(path):
            return _read_legacy(path)
        archive = open_zip(path)
        if is_exported(archive.members):
            program = ExportedProgram(archive)
            return build_weight_file(path, NAME, program.content, Places(program.source, program), program.not_read())
        return _read_zip(path, TorchZip(archive))


def _read_zip(path: Path, container: TorchZip) -> WeightFile:
    content = explore(container.document)
    keys = {named.tensor.storage.key for named in content.tensors}
    places = Places(container.source, container)
    return build_weight_file(path, NAME, content, places, container.not_read({str(key) for key in keys}))


def _read_legacy(path: Path) -> WeightFile:
    container = TorchLegacy(path)
    content = explore(container.document)
    return build_weight_file(path, NAME, content, Places(container.file, container), container.not_read())
