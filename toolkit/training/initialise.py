"""Starting from somebody's weights: what fits by name and shape is taken, the rest keeps its fresh values."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnkit import exporters
from cnnkit.errors import WeightFileError
from cnnkit.files.file_digest import sha256_of
from cnnkit.files.names import printable
from cnnkit.model import Model
from cnnkit.tree import flatten, unflatten


@dataclass(frozen=True)
class Start:
    """What was taken from a file, what was left fresh, and the file's SHA-256."""

    file: Path
    taken: tuple[str, ...]
    left: tuple[str, ...]
    sha256: str

    @property
    def text(self) -> str:
        """The same in words."""
        rest = f"; fresh: {', '.join(self.left)}" if self.left else ""
        return f"started from {self.file}: {len(self.taken)} tensors taken{rest}"


def initialise(model: Model, path: Path) -> Start:
    """Give the model the tensors of a weight file that fit by name and shape.

    Raises WeightFileError when the file cannot be read or nothing fits.
    """
    file = exporters.read(path)
    stored = {t.name: t for kind in ("state", "parameter") for t in file.select(kind)}
    taken: list[str] = []
    left: list[str] = []

    def fitted(tree: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        flat = flatten(tree)
        for name, fresh in flat.items():
            tensor = stored.get(name)
            if tensor is not None and tensor.shape == fresh.shape:
                flat[name] = tensor.read()
                taken.append(name)
            else:
                why = "not in the file" if tensor is None else f"{fresh.shape} here, {tensor.shape} there"
                left.append(f"{printable(name)} ({why})")
        return unflatten(flat)

    params, state = fitted(model.to_host(model.params)), fitted(model.to_host(model.state))
    if not taken:
        raise WeightFileError(
            "no tensor fits this network by name and shape", file=str(path), hint="see cnnkit inspect FILE"
        )
    model.params, model.state = model.to_backend(params), model.to_backend(state)
    return Start(path, tuple(taken), tuple(left), sha256_of(path))
