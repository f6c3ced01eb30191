"""Format "pickle": arrays and tensors in a pickle; read only, and nothing is unpickled."""

from pathlib import Path

from cnnkit.exporters.core.format import Format, Priority
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.pickle.reader import NAME, read_pickle
from cnnkit.exporters.pickle.recognition import find_compression, is_pickle


class PickleFormat(Format):
    """Reads NumPy's arrays and torch's tensors in containers and objects; the code of no class is run."""

    name = NAME
    suffixes = (".pkl", ".pickle", ".joblib", ".pdparams")
    priority = Priority.CATCH_ALL
    description = "arrays in a pickle, of Python, joblib or Paddle"
    reads = True

    def recognises(self, path: Path, head: bytes) -> bool:
        """Return whether the file begins as a pickle does, plain or compressed."""
        return is_pickle(head) or find_compression(path, head) is not None

    def read(self, path: Path) -> WeightFile:
        """Return the arrays. Raises WeightFileError when there are none, or the file is damaged."""
        return read_pickle(path)
