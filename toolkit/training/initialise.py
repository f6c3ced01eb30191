"""Starting from the weights of a file: what `diff` pairs is taken, in any layout; the rest keeps its drawn values."""

from dataclasses import dataclass
from pathlib import Path

from cnnkit import exporters, weights
from cnnkit.errors import WeightFileError
from cnnkit.exporters.core.not_read import list_lines
from cnnkit.exporters.core.weight_file import NotRead, WeightFile
from cnnkit.files.file_digest import sha256_of
from cnnkit.files.names import printable
from cnnkit.inspection.filling import Fillings, find_fillings
from cnnkit.network import Network
from cnnkit.training.finite_weights import list_not_finite
from cnnkit.tree import flatten, unflatten


@dataclass(frozen=True)
class Start:
    """The file that a training started from, what was taken from it, and what its reader left out.

    The tensors that nothing filled were drawn.
    """

    file: Path
    fillings: Fillings
    not_read: tuple[NotRead, ...]
    sha256: str

    @property
    def text(self) -> str:
        """One line for people."""
        parts = [f"started from {self.file}: {self.fillings.text}"]
        drawn = [f"{printable(name)} ({reason})" for name, reason in self.fillings.unfilled.items()]
        parts += [f"newly drawn: {', '.join(drawn)}"] if drawn else []
        parts += [f"not read: {line}" for line in list_lines(self.not_read)]
        return "; ".join(parts)


def initialise(model: Network, path: Path, file: WeightFile | None = None) -> Start:
    """Give the model the tensors of a weight file that `diff` would pair with its own.

    file: what is taken of `path`, where it was read before.

    Raises WeightFileError when the file cannot be read, nothing fits, or what fits holds no floating-point numbers.
    """
    file = exporters.read(path) if file is None else file
    fillings = find_fillings(weights.to_weights(model), file)
    if not fillings.found:
        problem = "no tensor fits this network, by name, layer or order of shapes"
        hint = f"see cnnkit inspect {path}, or train the file's own network with --replace-head CLASSES"
        for line in list_lines(file.lacks)[:1]:
            problem = f"{problem}; not read: {line}"
            if "--external" in line:
                hint = f"cnnkit export {path} --external -o all.safetensors makes a file that holds all"
        raise WeightFileError(problem, file=str(path), hint=hint)
    trees = {"parameter": flatten(model.to_host(model.params)), "state": flatten(model.to_host(model.state))}
    for filling in fillings.found:
        values = filling.read()
        for problem in list_not_finite({printable(filling.source.name): values}):
            raise WeightFileError(problem, file=str(path), hint=f"see cnnkit inspect {path}, start from other weights")
        trees[filling.target.kind][filling.target.name] = values
    model.params, model.state = (model.to_backend(unflatten(flat)) for flat in trees.values())
    return Start(path, fillings, file.not_read, sha256_of(*map(Path, file.files or (str(path),))))
