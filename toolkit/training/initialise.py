"""Starting from the weights of a file: what fits by name and shape is taken, the rest keeps its drawn values."""

from dataclasses import dataclass
from pathlib import Path

from cnnkit import exporters
from cnnkit.errors import WeightFileError
from cnnkit.files.file_digest import sha256_of
from cnnkit.files.names import format_count, printable
from cnnkit.network import Network
from cnnkit.tree import Tree, flatten, unflatten


@dataclass(frozen=True)
class Start:
    """The file that a training started from, and the tensors taken from it; the others were drawn.

    drawn: names, each with the reason in brackets
    """

    file: Path
    taken: tuple[str, ...]
    drawn: tuple[str, ...]
    sha256: str

    @property
    def text(self) -> str:
        """One line for people."""
        rest = f"; newly drawn: {', '.join(self.drawn)}" if self.drawn else ""
        return f"started from {self.file}: {format_count(len(self.taken), 'tensor')} taken{rest}"


def initialise(model: Network, path: Path) -> Start:
    """Give the model the tensors of a weight file that fit by name and shape.

    Raises WeightFileError when the file cannot be read or nothing fits.
    """
    file = exporters.read(path)
    stored = {t.name: t for kind in ("state", "parameter") for t in file.select(kind)}
    taken: list[str] = []
    drawn: list[str] = []

    def fill(tree: Tree) -> Tree:
        flat = flatten(tree)
        for name, values in flat.items():
            tensor = stored.get(name)
            if tensor is not None and tensor.shape == values.shape:
                flat[name] = tensor.read()
                taken.append(name)
            else:
                why = "not in the file" if tensor is None else f"{values.shape} here, {tensor.shape} there"
                drawn.append(f"{printable(name)} ({why})")
        return unflatten(flat)

    params, state = fill(model.to_host(model.params)), fill(model.to_host(model.state))
    if not taken:
        raise WeightFileError(
            "no tensor fits this network by name and shape", file=str(path), hint="see cnnkit inspect FILE"
        )
    model.params, model.state = model.to_backend(params), model.to_backend(state)
    return Start(path, tuple(taken), tuple(drawn), sha256_of(path))
