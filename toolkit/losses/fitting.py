"""Whether a loss, a network's outputs and the targets of a data set fit together, before the first batch."""

import re
from collections.abc import Mapping
from typing import ClassVar, Protocol

from cnnkit.backends.protocol import Shape
from cnnkit.errors import ConfigError
from cnnkit.files.names import printable

KINDS = ("class", "tags", "numbers", "class_map", "values", "input")
# The loss that suits each kind of target when nothing else is asked for.
USUAL = {
    "class": "softmax_cross_entropy", "tags": "binary_cross_entropy", "numbers": "mean_squared_error",
    "class_map": "softmax_cross_entropy", "values": "mean_squared_error", "input": "mean_squared_error",
}  # fmt: skip
_WORDS = {
    "class": "class labels", "tags": "tags", "numbers": "numbers", "class_map": "class maps", "values": "values",
    "input": "the inputs themselves",
}  # fmt: skip
_VOID = "; where 255 is no class but says that a place counts nowhere: --ignore 255"


class TargetDescription(Protocol):
    """What a loss needs to know about a data set's targets; `cnnkit.data` describes them so."""

    @property
    def kind(self) -> str:
        """One of KINDS."""
        ...

    @property
    def shape(self) -> Shape:
        """The shape of one sample's target: () for a class, (K,), (F,), (H, W), (C, H, W)."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The names of classes or tags."""
        ...


TargetDescriptions = TargetDescription | Mapping[str, TargetDescription]  # of several outputs by their names


class TakesTargets(Protocol):
    """What of a loss says which targets it takes: their kinds, and whether one output decides between two classes."""

    kinds: ClassVar[tuple[str, ...]]
    one_for_two: ClassVar[bool]


def name_loss(loss: object) -> str:
    """Return a loss's name in text: that of its class in small letters, with underscores."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", type(loss).__name__).lower()


def require_one(spec: TargetDescriptions) -> TargetDescription:
    """Return the description of a single output's targets. Raises ConfigError for those of several outputs."""
    if not isinstance(spec, Mapping):
        return spec
    if len(spec) != 1:
        names = printable(", ".join(list(spec)[:20]), 300)
        raise ConfigError(f"the data have targets of the outputs {names}, the network has one output")
    return next(iter(spec.values()))


def require_kind(loss: TakesTargets, spec: TargetDescription) -> None:
    """Raise ConfigError unless the loss takes targets of this kind."""
    if spec.kind not in loss.kinds:
        expected = " or ".join(_WORDS[kind] for kind in loss.kinds)
        got = describe_targets(spec)
        raise ConfigError(f"loss {name_loss(loss)}: expected {expected}, got {got}: try the loss {USUAL[spec.kind]}")


def require_fit(loss: TakesTargets, output_shape: Shape, spec: TargetDescription) -> None:
    """Raise ConfigError unless a network with such outputs can be trained on such targets by the loss."""
    output_shape, target_shape = tuple(output_shape), tuple(spec.shape)
    name, got, kind = name_loss(loss), describe_targets(spec), spec.kind
    require_kind(loss, spec)
    if kind not in ("class", "class_map"):
        if output_shape != target_shape:
            raise ConfigError(
                f"loss {name}: expected targets of shape {with_samples(output_shape)}, got {got}: "
                f"a network for them ends with {_last_layer(target_shape)}"
            )
        return
    classes = len(spec.names)
    fits = [(classes, *target_shape), *([(1, *target_shape)] if loss.one_for_two and classes == 2 else [])]
    if output_shape in fits:
        return
    wanted = _last_layer((classes, *target_shape))
    if loss.kinds == KINDS and not loss.one_for_two:  # it compares numbers
        expected = f"expected targets of shape {with_samples(output_shape)}"
        raise ConfigError(f"loss {name}: {expected}, got {got}: a network for {classes} classes ends with {wanted}")
    places = f" at each of {_sizes(target_shape)} places" if target_shape else ""
    raise ConfigError(
        f"the data have {classes} classes{places}, the network's output is {output_shape}: "
        f"a network for them ends with {wanted}{_VOID if places and classes == 256 else ''}"
    )


def describe_targets(spec: TargetDescription) -> str:
    """Return what targets are, for a message: "class labels", "tags (N, 3)"."""
    return _WORDS[spec.kind] + (f" {with_samples(tuple(spec.shape))}" if spec.kind != "class" else "")


def with_samples(shape: Shape) -> str:
    """Return a shape as a message names it: "(N, 3, 8, 8)"."""
    return f"({', '.join(('N', *map(str, shape)))})" if shape else "(N,)"


def _sizes(shape: Shape) -> str:
    return "x".join(map(str, shape))


def _last_layer(shape: Shape) -> str:
    """Return the layer that gives outputs of this shape."""
    if len(shape) == 1:
        return f"Dense({shape[0]})"
    if len(shape) in (2, 3, 4):
        return f"Conv{len(shape) - 1}D({shape[0]}, 1) on {_sizes(shape[1:])} places"
    return f"outputs {with_samples(shape)}"
