"""What the shell completes: names that are known without any work, and the layers of the file on the line."""

import os
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import typer


def _complete(find: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        return _select(find, incomplete)

    return complete


def _select(find: Callable[[], Iterable[str]], incomplete: str) -> list[str]:
    """Return the names that begin as typed; none where they cannot be found: a completion has no place for an error."""
    try:
        return [name for name in find() if name.startswith(incomplete)]
    except Exception:
        return []


def _list_registered(group: str) -> Callable[[str], list[str]]:
    def find() -> Iterable[str]:
        from cnnkit.plugins import entries

        return entries(group)

    return _complete(find)


def _find_recipes() -> list[str]:
    folder = Path(__file__).parents[1] / "recipes"  # without importing NumPy, which takes longer than a key press
    return sorted(path.stem for path in folder.glob("*.toml"))


def _find_backends() -> list[str]:
    from cnnkit.plugins import entries

    return [*entries("cnnkit.backends"), "auto"]


def _find_data() -> list[str]:
    from cnnkit.data import KNOWN

    return [entry.name for entry in KNOWN]


def _list_dtypes() -> Iterable[str]:
    from cnnkit.precision import DTYPES

    return DTYPES


complete_recipe = _complete(_find_recipes)
complete_backend = _complete(_find_backends)
complete_optimizer = _list_registered("cnnkit.optimizers")
complete_schedule = _list_registered("cnnkit.schedules")
complete_loss = _list_registered("cnnkit.losses")
complete_initializer = _list_registered("cnnkit.initializers")
complete_format = _list_registered("cnnkit.exporters")
complete_dtype = _complete(_list_dtypes)
complete_scaling = _complete(lambda: ("imagenet", "mnist", "0-1", "tf", "caffe", "none"))
complete_device = _complete(lambda: ("cpu", "cuda", "mps"))
complete_data = _complete(_find_data)
complete_fetched = _complete(lambda: ("mnist", "fashion-mnist"))


def complete_augment(incomplete: str) -> list[str]:
    """Return the names of transforms behind the last comma."""
    head, comma, last = incomplete.rpartition(",")

    def find() -> Iterable[str]:
        from cnnkit.data.augmentation import TRANSFORMS

        return TRANSFORMS

    return [head + comma + name for name in _select(find, last)]


def complete_layer(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the layers and tensors of the file on the command line."""
    return _select(lambda: _list_layers(_find_file(ctx.params.get("file"))), incomplete)


def _find_file(parsed: Any) -> Path:
    """Return the file on the command line, which the parser does not know when the line ends with an option."""
    file = Path(parsed or "weights.h5")
    words = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS", "")  # of bash; of zsh and fish
    return next((Path(word) for word in shlex.split(words)[2:] if Path(word).is_file()), file)


def _list_layers(file: Path) -> list[str]:
    """Return names that no shell reads as anything else: those of zsh and bash evaluate what is offered."""
    from cnnkit import exporters
    from cnnkit.files.names import printable

    weights = exporters.read(file)
    tensors = [tensor for tensor in weights if tensor.kind != "optimizer"]
    names = dict.fromkeys((*(tensor.layer for tensor in tensors), *(tensor.name for tensor in tensors)))
    return [name for name in names if name == printable(name) == shlex.quote(name) and name[0] not in "-="]
