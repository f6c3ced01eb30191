"""Reads a pickle of arrays without unpickling: names first, values when asked."""

from pathlib import Path

from cnnkit.exporters.core.faults import fault, faults_of
from cnnkit.exporters.core.pickles.operations import load
from cnnkit.exporters.core.pickles.places import Places
from cnnkit.exporters.core.pickles.walk import explore
from cnnkit.exporters.core.pickles.weights import build_weight_file
from cnnkit.exporters.core.weight_file import NotRead, WeightFile
from cnnkit.exporters.pickle.paddle import is_paddle, name_paddle_axes
from cnnkit.exporters.pickle.recognition import find_compression
from cnnkit.files.names import printable
from cnnkit.files.shell import write_command
from cnnkit.files.stored_file import StoredFile

NAME = "pickle"
_HEAD = 16


def read_pickle(path: Path) -> WeightFile:
    """Return the arrays and tensors of a pickle. Raises WeightFileError when it has none, or is damaged."""
    with faults_of(path, NAME):
        file = StoredFile(path)
        with file.open() as stream:
            packing = find_compression(path, stream.read(_HEAD))
            if packing is not None:
                problem = f"a pickle compressed with {packing.name}"
                command = packing.command.replace("FILE", write_command(printable(str(path), 1000)))
                raise fault(path, problem, format_name=NAME, hint=f"{command}, then cnnkit inspect weights.pkl")
            stream.seek(0)
            document = load(stream)
            behind = file.size - stream.tell()
        not_read = (NotRead("bytes behind the pickle", behind, "not part of it"),) if behind else ()
        weights = build_weight_file(path, NAME, explore(document), Places(file), not_read)
        return name_paddle_axes(weights) if is_paddle(document) else weights
