"""What a network says of an image where it is no class: numbers, tags, a map of classes, an array, several outputs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from cnnkit.cli.output import Output
from cnnkit.cli.viewing import Show, draw, name_class
from cnnkit.data.targets import KINDS, TargetSpec
from cnnkit.errors import ConfigError
from cnnkit.files.names import printable

if TYPE_CHECKING:
    from cnnkit.losses import Loss
    from cnnkit.model import Model

_MOST = 12  # tags or numbers in a line
_MOST_VALUES = 100_000  # of an array in JSON


class Pictured(Protocol):
    """An image that was given to the network."""

    @property
    def title(self) -> str:
        """What it is called."""
        ...

    @property
    def number(self) -> int | None:
        """Its index in the data set."""
        ...

    @property
    def image(self) -> str | None:
        """Its file."""
        ...

    @property
    def picture(self) -> Any:
        """Its pixels in [0, 1], (C, H, W)."""
        ...

    @property
    def x(self) -> Any:
        """The network's input."""
        ...

    @property
    def targets(self) -> tuple[Any, ...]:
        """What was wanted of each output, () where that is not known."""
        ...


def describe_outputs(model: "Model") -> dict[str, dict[str, Any]]:
    """Return {output: {"kind", "names"}}: what each output was trained on, as the weight file or the loss tells."""
    from cnnkit.losses import SeveralLosses

    told = model.metadata.get("targets")
    if isinstance(told, dict) and len(told) == len(model.output_names) and all(map(_is_spec, told.values())):
        specs = dict(zip(model.output_names, map(_read_spec, told.values()), strict=True))
        if _fit(model, specs):
            losses = model.loss.losses if isinstance(model.loss, SeveralLosses) else (model.loss,)
            parts = zip(specs.items(), losses, strict=True)
            return {name: _describe(loss, spec.kind, spec.names) for (name, spec), loss in parts}
    names = model.class_names
    if isinstance(model.loss, SeveralLosses):  # classes decided by the first output, as files without targets mean it
        return {"output": {"kind": "class", "names": names}}
    kind = _guess_kind(model.loss, tuple(model.output_shape))
    return {model.output_names[0]: _describe(model.loss, kind, names)}


def _describe(loss: "Loss", kind: str, names: tuple[str, ...]) -> dict[str, Any]:
    """Return what an output tells; the values of an embedding have no names, whatever those of the classes are."""
    return {"kind": kind, "names": names} if loss.decides else {"kind": "embedding", "names": ()}


def _is_spec(spec: Any) -> bool:
    return (
        isinstance(spec, dict)
        and spec.get("kind") in KINDS
        and isinstance(spec.get("names"), list)
        and isinstance(spec.get("shape"), list)
    )


def _read_spec(spec: Mapping[str, Any]) -> TargetSpec:
    return TargetSpec(spec["kind"], tuple(spec["shape"]), tuple(map(str, spec["names"])))


def _fit(model: "Model", specs: Mapping[str, TargetSpec]) -> bool:
    """Say whether outputs are what a file tells of them: nothing holds a file to the truth."""
    several = len(specs) > 1
    try:
        model.loss.check(model.output_shape, specs if several else next(iter(specs.values())))
    except ConfigError:
        return False
    numbers = [spec for spec in specs.values() if spec.kind == "numbers"]
    return all(len(spec.names) in (0, *spec.shape) for spec in numbers)


def _guess_kind(loss: "Loss", shape: tuple[Any, ...]) -> str:
    if len(shape) > 1:
        return "values" if loss.compares_numbers else "class_map"
    return "numbers" if loss.compares_numbers and shape == (1,) else "class"


@np.errstate(all="ignore")
def tell_outputs(
    output: Output, model: "Model", specs: Mapping[str, Mapping[str, Any]], images: Sequence[Pictured], show: Show
) -> list[dict[str, Any]]:
    """Print what the network gives for each image, and return it as JSON values."""
    from cnnkit.losses import SeveralLosses
    from cnnkit.training.finite_scores import require_finite_outputs

    given = model.outputs(np.stack([image.x for image in images]))
    parts = given if isinstance(given, tuple) else (given,)
    losses = model.loss.losses if isinstance(model.loss, SeveralLosses) else (model.loss,)
    for part in parts:
        require_finite_outputs(model, part)
    predictions = []
    for i, image in enumerate(images):
        output.say(printable(image.title))
        draw(output, image.picture, show)
        told = {}
        wanted = image.targets if len(image.targets) == len(parts) else (None,) * len(parts)
        for (name, spec), loss, part, target in zip(specs.items(), losses, parts, wanted, strict=True):
            heading = f"{printable(name)}: " if len(specs) > 1 else ""
            told[name] = _tell(output, model, spec, loss, part[i : i + 1], heading, show)
            if target is not None:
                told[name]["target"] = _tell_target(output, spec, np.asarray(target))
        output.say()
        entry = {"index": image.number, "image": image.image}
        predictions.append(entry | (next(iter(told.values())) if len(told) == 1 else {"outputs": told}))
    return predictions


def _tell(
    output: Output, model: "Model", spec: Mapping[str, Any], loss: "Loss", raw: Any, heading: str, show: Show
) -> dict[str, Any]:
    """Print one output (1, ...) of an image and return it as JSON values."""
    from cnnkit.losses import external_loss
    from cnnkit.training.decisions import keep_yes

    kind, names, backend = spec["kind"], spec["names"], model.backend
    on_backend = backend.asarray(np.ascontiguousarray(raw), model.array_dtype)
    scores = raw
    if kind != "embedding":
        scores = np.array(backend.to_numpy(external_loss.probabilities(loss, backend, on_backend)))
    scores = scores[0] if kind == "class" else keep_yes(scores, raw.shape[1])[0]
    decided: Any = None
    if kind in ("class", "class_map"):
        decided = np.array(backend.to_numpy(external_loss.decide(loss, backend, on_backend)))[0]
    if kind == "class":
        best = int(decided)
        output.say(f"{heading}class {printable(name_class(best, names))}, score {scores[best]:.4f}")
        return {"kind": kind, "predicted": best, "probabilities": scores.tolist(), "outputs": raw[0].tolist()}
    if kind == "tags":
        return _tell_tags(output, names, scores, heading) | {"outputs": raw[0].tolist()}
    if kind == "class_map":
        return _tell_map(output, names, decided, heading, show)
    if kind in ("numbers", "embedding"):
        labels = names or ("",) * len(scores)
        shown = [f"{printable(label)} {value:.6g}".strip() for label, value in zip(labels, scores, strict=True)]
        more = f" and {len(shown) - _MOST} more" if len(shown) > _MOST else ""
        output.say(f"{heading}{', '.join(shown[:_MOST])}{more}", style="bold")
        return {"kind": kind, "names": list(names), "predicted": scores.tolist()}
    return _tell_array(output, model, kind, scores, heading, show)


def _tell_target(output: Output, spec: Mapping[str, Any], target: Any) -> Any:
    """Print what was wanted, where it is said in a line, and return it as a JSON value, None for large arrays."""
    kind, names = spec["kind"], spec["names"]
    if kind == "class" and target >= 0:
        output.say(f"  wanted: class {printable(name_class(int(target), names))}")
    elif kind == "tags":
        chosen = [printable(name_class(int(k), names), 40) for k in np.flatnonzero(target >= 0.5)[:_MOST]]
        output.say(f"  wanted: {', '.join(chosen) or 'no tag'}")
    elif kind == "numbers":
        output.say(f"  wanted: {', '.join(f'{value:.6g}' for value in target[:_MOST])}")
    return target.tolist() if target.size <= _MOST_VALUES else None


def _tell_tags(output: Output, names: Sequence[str], scores: Any, heading: str) -> dict[str, Any]:
    order = np.argsort(-scores, kind="stable")
    chosen = [int(k) for k in order if scores[k] >= 0.5]
    labels = [printable(name_class(int(k), tuple(names)), 40) for k in order]
    shown = [f"{label} {scores[k]:.4f}" for label, k in zip(labels, order, strict=True)][:_MOST]
    count = min(len(chosen), _MOST)
    output.say(f"{heading}{', '.join(shown[:count]) or 'no tag reaches 0.5'}", style="bold")
    output.say(f"  below 0.5: {', '.join(shown[count:])}" if shown[count:] else "  all tags")
    return {"kind": "tags", "names": list(names), "predicted": sorted(chosen), "probabilities": scores.tolist()}


def _tell_map(output: Output, names: Sequence[str], decided: Any, heading: str, show: Show) -> dict[str, Any]:
    counts = np.bincount(decided.reshape(-1), minlength=len(names))
    shares = {name_class(k, tuple(names)): counts[k] / decided.size for k in np.argsort(-counts, kind="stable")}
    shown = [f"{printable(name)} {share:.1%}" for name, share in shares.items() if share > 0][:_MOST]
    output.say(f"{heading}{', '.join(shown)} of {' x '.join(map(str, decided.shape))} places", style="bold")
    if decided.ndim == 2:
        draw(output, decided[None] / max(1, len(counts) - 1), show)
    fits = decided.size <= _MOST_VALUES
    places = {"places": counts.tolist(), "names": list(names)}
    return {"kind": "class_map", **places, "predicted": decided.tolist() if fits else None}


def _tell_array(output: Output, model: "Model", kind: str, values: Any, heading: str, show: Show) -> dict[str, Any]:
    shape = " x ".join(map(str, values.shape))
    figures = {"min": float(values.min()), "max": float(values.max()), "mean": float(values.mean())}
    shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
    output.say(f"{heading}values {shape}: {shown}", style="bold")
    if values.ndim == 3 and len(values) in (1, 3):
        black, white = model.scaling.extremes if kind == "input" else (0.0, 1.0)
        draw(output, np.clip((values - black) / (white - black), 0, 1), show)
    fits = values.size <= _MOST_VALUES
    return {"kind": kind, "shape": list(values.shape), **figures, "predicted": values.tolist() if fits else None}
