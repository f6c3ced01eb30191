"""Starting from the weights of a file: what `diff` pairs is taken, in any layout; the rest keeps its drawn values."""

from dataclasses import dataclass
from pathlib import Path

from cnnkit import exporters, weights
from cnnkit.errors import WeightFileError
from cnnkit.exporters.core.weight_file import NotRead
from cnnkit.files.file_digest import sha256_of
from cnnkit.files.names import format_count, printable
from cnnkit.inspection.filling import Fillings, find_fillings
from cnnkit.network import Network
from cnnkit.tree import flatten, unflatten

_LISTED = 8


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
        parts = [f"started from {self.file}: {describe_fillings(self.fillings)}"]
        parts += [f"not read: {item.line}" for item in self.not_read]
        return "; ".join(parts)


def describe_fillings(fillings: Fillings) -> str:
    """Return what was taken from where, what was drawn, and what was not used."""
    found = fillings.found
    parts = [f"{format_count(len(found), 'tensor')} taken"]
    ordered = [(f.target.layer, f.source.layer or f.source.name) for f in found if f.paired_by == "order"]
    guessed = [f"{printable(target)} from {printable(source)}" for target, source in dict.fromkeys(ordered)]
    if guessed:
        parts.append(f"paired by the order of layers: {_list(guessed)}")
    turned = list(dict.fromkeys(f.transform.name for f in found if f.transform.name))
    if turned:
        parts.append(f"rearranged: {_list(turned)}")
    if fillings.unfilled:
        drawn = [f"{printable(name)} ({reason})" for name, reason in fillings.unfilled.items()]
        parts.append(f"newly drawn: {', '.join(drawn)}")
    if fillings.unused:
        parts.append(f"of the file not used: {_list([printable(tensor.name) for tensor in fillings.unused])}")
    return "; ".join(parts)


def _list(names: list[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def initialise(model: Network, path: Path) -> Start:
    """Give the model the tensors of a weight file that `diff` would pair with its own.

    Raises WeightFileError when the file cannot be read, nothing fits, or what fits holds no floating-point numbers.
    """
    file = exporters.read(path)
    fillings = find_fillings(weights.to_weights(model), file)
    if not fillings.found:
        raise WeightFileError(
            "no tensor fits this network, by name, layer or order of shapes",
            file=str(path),
            hint=f"see cnnkit inspect {path}",
        )
    trees = {"parameter": flatten(model.to_host(model.params)), "state": flatten(model.to_host(model.state))}
    for filling in fillings.found:
        trees[filling.target.kind][filling.target.name] = filling.read()
    model.params, model.state = (model.to_backend(unflatten(flat)) for flat in trees.values())
    return Start(path, fillings, file.not_read, sha256_of(path))
