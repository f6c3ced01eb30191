"""The doors of cnnkit: every option and argument that takes a path, with a command line that opens it."""

from collections.abc import Iterator
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any, get_args

from cnnkit.cli.commands import SUMMARIES, load_command

WRITE = "write"
WRITE_INTO = "write into"  # a folder


@dataclass(frozen=True)
class Door:
    """An option or argument of a command that takes a path.

    option: "--data"; an argument by its place in the help: "FILE". kind: what it reads (a door of `hostile.case`), or
    "write", or "write into" a folder. arguments: a command line with {path} for what is given to the door, {weights} for a good weight file,
    {out} for a free name without suffix in a folder that can be written. suffixes: what {path} must end with to be
    looked at; none where any name is.
    """

    command: str
    option: str
    kind: str
    arguments: str
    suffixes: tuple[str, ...] = ()

    def fill(self, path: Path | str, weights: Path | str, out: Path | str) -> list[str]:
        """Return the words of the command line."""
        values = {"path": str(path), "weights": str(weights), "out": str(out)}
        return [word.format_map(values) for word in self.arguments.split()]


_TRAIN = "train --epochs 1 --checkpoint-every 0 -o {out}.h5"
_PLOTS, _HDF5 = (".svg", ".png", ".pdf"), (".h5", ".hdf5")
DOORS = (
    Door("train", "--model", "model", _TRAIN + " --data bright-dark --model {path}"),
    Door("train", "--data", "data", _TRAIN + " --recipe bright-dark --data {path}"),
    Door("train", "--init-from", "weights", _TRAIN + " --recipe bright-dark --init-from {path}"),
    Door("train", "--out", "weights", "train --recipe bright-dark --epochs 1 -o {path}", _HDF5),
    Door("train", "--out", "weights", "train --resume -o {path}", _HDF5),
    Door("train", "--out", WRITE, "train --recipe bright-dark --epochs 1 --overwrite -o {path}", _HDF5),
    Door("train", "--log", WRITE, _TRAIN + " --recipe bright-dark --log {path}"),
    Door("train", "--tensorboard", WRITE_INTO, _TRAIN + " --recipe bright-dark --tensorboard {path}"),
    Door("train", "--plot", WRITE, _TRAIN + " --recipe bright-dark --plot {path}", _PLOTS),
    Door("evaluate", "FILE", "weights", "evaluate {path} --data bright-dark"),
    Door("evaluate", "--data", "data", "evaluate {weights} --data {path} --split train"),
    Door("evaluate", "--model", "model", "evaluate {weights} --model {path}"),
    Door("evaluate", "--plot", WRITE, "evaluate {weights} --data bright-dark --plot {path}", _PLOTS),
    Door("predict", "FILE", "weights", "predict {path} --data bright-dark"),
    Door("predict", "--image", "image", "predict {weights} --image {path}"),
    Door("predict", "--data", "data", "predict {weights} --data {path} --split train"),
    Door("predict", "--model", "model", "predict {weights} --model {path}"),
    Door("predict", "--out", WRITE, "predict {weights} --data bright-dark --overwrite -o {path}", (".csv",)),
    Door("filter", "IMAGE", "image", "filter {path} --kernel blur -o {out}.png"),
    Door("filter", "--kernel", "map", "filter {path} --kernel {path} -o {out}.png"),
    Door("filter", "--out", WRITE, "filter {weights} --kernel blur --overwrite -o {path}", (".png",)),
    Door("export", "FILE", "weights", "export {path} --format json -o {out}.json"),
    Door("export", "--out", "weights", "export {weights} --format hdf5 -o {path}"),
    Door("export", "--out", WRITE, "export {weights} --format npz --overwrite -o {path}", (".npz",)),
    Door("export", "--out", WRITE_INTO, "export {weights} --format safetensors --shard-size 1KB -o {path}"),
    Door("export", "--data", "data", "export {weights} -o {out}.svg --activations 0 --data {path}"),
    Door("export", "--activations", "image", "export {weights} -o {out}.svg --activations {path}"),
    Door("export", "--model", "model", "export {weights} -o {out}.keras --model {path}"),
    Door("adopt", "FILE", "weights", "adopt {path} -o {out}.h5"),
    Door("adopt", "--out", WRITE, "adopt {weights} --recipe bright-dark --overwrite -o {path}", _HDF5),
    Door("adopt", "--model", "model", "adopt {weights} -o {out}.h5 --model {path}"),
    Door("inspect", "FILE", "weights", "inspect {path}"),
    Door("inspect", "--html", WRITE, "inspect {weights} --html {path}", (".html",)),
    Door("show", "FILE", "weights", "show {path} *"),
    Door("show", "--out", WRITE, "show {weights} 0 --overwrite -o {path}", (".svg", ".png")),
    Door("show", "--image", "image", "show {weights} 0 --image {path}"),
    Door("show", "--data", "data", "show {weights} 0 --data {path} --split train"),
    Door("show", "--model", "model", "show {weights} 0 --index 0 --model {path}"),
    Door("attend", "FILE", "weights", "attend {path} --data bright-dark --method saliency"),
    Door("attend", "--image", "image", "attend {weights} --image {path} --method occlusion"),
    Door("attend", "--data", "data", "attend {weights} --data {path} --split train --method saliency"),
    Door("attend", "--model", "model", "attend {weights} --model {path} --method saliency"),
    Door("attend", "--out", WRITE, "attend {weights} --data bright-dark --method saliency --overwrite -o {path}",
         (".svg", ".png")),
    Door("explain", "FILE", "weights", "explain {path} 0 --data bright-dark"),
    Door("explain", "--image", "image", "explain {weights} 0 --image {path}"),
    Door("explain", "--data", "data", "explain {weights} 0 --data {path} --split train"),
    Door("explain", "--model", "model", "explain {weights} 0 --model {path}"),
    Door("explain", "--out", WRITE, "explain {weights} 0 --data bright-dark --overwrite -o {path}", (".svg",)),
    Door("diff", "A", "weights", "diff {path} {weights}"),
    Door("diff", "B", "weights", "diff {weights} {path}"),
    Door("diff", "--map", "map", "diff {weights} {weights} --map {path}"),
    Door("verify", "FILE", "weights", "verify {path} --data bright-dark"),
    Door("verify", "--data", "data", "verify {weights} --data {path}"),
    Door("verify", "--from", "weights", "verify {weights} --data bright-dark --from {path}"),
    Door("verify", "--init-from", "weights", "verify {weights} --data bright-dark --init-from {path}"),
    Door("summary", "FILE", "weights", "summary {path}"),
    Door("summary", "--model", "model", "summary --model {path}"),
    Door("summary", "--out", WRITE, "summary --recipe bright-dark -o {path}", (".svg",)),
    Door("parity", "--report", WRITE, "parity --quick --backend numpy --filter relu --report {path}", (".md", ".html")),
    Door("gradcheck", "--model", "model", "gradcheck --model {path}"),
    Door("exercise start", "--out", WRITE, "exercise start sgd --overwrite -o {path}", (".py",)),
    Door("exercise check", "FILE.py", "model", "exercise check {path}"),
    Door("data show", "SOURCE", "data", "data show {path} --split train"),
    Door("data show", "--out", WRITE, "data show bright-dark --augment flip --overwrite -o {path}", (".png",)),
)  # fmt: skip

# What takes a text that is no path: a name of something known, a pattern, a list of numbers. Nothing is opened for it.
NAMES = {
    "train": "--recipe --backend --device --dtype --optimizer --schedule --loss --initializer --freeze --resize"
    " --fit --target --layout "
    "--layer-rate --augment --class-weights",
    "evaluate": "--backend --device --dtype --recipe --scaling --resize --fit --target --layout",
    "predict": "--columns --backend --device --dtype --recipe --scaling --resize --fit --target --layout",
    "export": "--format --recipe --shard-size",
    "adopt": "--format --recipe --input-shape --scaling --backend",
    "inspect": "--layer --slice",
    "show": "LAYER --backend --device --dtype --recipe --scaling --resize --fit --target --layout",
    "attend": "--class --layer --backend --device --dtype --recipe --scaling --resize --fit --target --layout",
    "explain": "LAYER --at --backend --device --dtype --recipe --scaling --resize --fit --target --layout",
    "diff": "--only",
    "verify": "--backend --device --resize --fit --target --layout",
    "summary": "--recipe --input-shape",
    "parity": "--backend --device --dtype --recipe --filter",
    "gradcheck": "--recipe --backend --device",
    "recipes": "--copy",
    "exercise start": "NAME",
    "data fetch": "NAME",
    "data show": "--resize --fit --target --layout --augment",
}


def find_text_parameters() -> set[tuple[str, str]]:
    """Return (command, option or argument) of all that take a path or a text, as cnnkit's commands declare them."""
    return {
        (" ".join(words), _name(parameter))
        for words, command in _walk(SUMMARIES, load_command, ())
        for parameter in command.params
        if _takes_text(signature(command.callback).parameters[parameter.name].annotation)
    }


def _walk(names: Any, load: Any, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name in names:
        command = load(name)
        inner = getattr(command, "commands", None)
        if inner:
            yield from _walk(inner, inner.__getitem__, (*above, name))
        else:
            yield (*above, name), command


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.metavar)
    return str(next(option for option in parameter.opts if option.startswith("--")))


def _takes_text(annotation: Any) -> bool:
    """Return whether a type is a path or a text, or has one inside: list[Path] | None, Annotated[str, ...]."""
    return annotation in (str, Path, Any) or any(_takes_text(part) for part in get_args(annotation))
