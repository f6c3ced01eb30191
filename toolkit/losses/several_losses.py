"""One loss for each output of a network, added up with weights."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array, Backend
from cnnkit.errors import ConfigError
from cnnkit.files.names import describe_value, printable
from cnnkit.layers.base import Shapes, Values
from cnnkit.losses import external_loss
from cnnkit.losses.base import Loss
from cnnkit.losses.fitting import TargetDescriptions

_NAMED = re.compile(r"[^=:;]{1,200}(:[0-9]{1,4})?=")


@dataclass(frozen=True)
class SeveralLosses(Loss):
    """loss = the sum over outputs of weight * loss of that output; written "main=NAME;aux=0.3*NAME:key=value".

    names    of the network's outputs, in their order; the first one is what decides
    losses   one for each output
    weights  by which they count

    Targets are a tuple with an entry for each output, or one array that all outputs are compared with.
    """

    names: tuple[str, ...]
    losses: tuple[Loss, ...]
    weights: tuple[float, ...]

    @property
    def decides(self) -> bool:
        return self.losses[0].decides

    @property
    def couples_samples(self) -> bool:
        return any(loss.couples_samples for loss in self.losses)

    def value_and_gradient(
        self, backend: Backend, outputs: Values, targets: Values, weights: Array | None = None
    ) -> tuple[Array, Any]:
        """Return (loss, dy): the weighted sum (0-d), and a tuple with the gradient in each output.

        weights: (N,), of the samples; they count in each output.
        """
        given = targets if isinstance(targets, tuple) else (targets,) * len(self.names)
        parts, total = [], None
        for loss, weight, y, target in zip(self.losses, self.weights, outputs, given, strict=True):
            value, dy = external_loss.value_and_gradient(loss, backend, y, target, weights)
            total = value * weight if total is None else total + value * weight
            parts.append(dy * weight)
        return total, tuple(parts)  # type: ignore[return-value]  # there is at least one

    def probabilities(self, backend: Backend, outputs: Values) -> Array:
        return external_loss.probabilities(self.losses[0], backend, outputs[0])

    def decide(self, backend: Backend, outputs: Values) -> Array:
        return external_loss.decide(self.losses[0], backend, outputs[0])

    def check(self, output_shape: Shapes, spec: TargetDescriptions) -> None:
        """Raise ConfigError where an output does not fit its targets; one description alone is of all outputs."""
        if isinstance(spec, Mapping) and set(spec) != set(self.names):
            raise ConfigError(
                f"loss: expected targets of the outputs {_list_names(self.names)}, got {_list_names(list(spec))}"
            )
        for name, loss, shape in zip(self.names, self.losses, output_shape, strict=True):
            try:
                loss.check(shape, spec[name] if isinstance(spec, Mapping) else spec)
            except ConfigError as error:
                raise ConfigError(f"output {printable(name)}: {error}") from None


def names_outputs(text: object) -> bool:
    """Say whether a text gives each output a loss of its own."""
    return isinstance(text, str) and _NAMED.match(text.strip()) is not None


def parse_several(text: str, parse: Callable[[str], Loss]) -> SeveralLosses:
    """Return the losses that "main=NAME;aux=0.3*NAME:key=value" describes. Raises ConfigError."""
    names, losses, weights = [], [], []
    for part in text.split(";"):
        match = _NAMED.match(part.strip())
        if match is None:
            raise ConfigError(f"loss: expected OUTPUT=LOSS, several separated by ';', got {describe_value(part)}")
        spec = part.strip()[match.end() :]
        head, star, rest = spec.partition("*")
        names.append(match[0][:-1].strip())
        weights.append(_parse_weight(head) if star else 1.0)
        losses.append(parse(rest if star else spec))
    if len(set(names)) < len(names):
        raise ConfigError(f"loss: expected each output once, got {_list_names(names)}")
    return SeveralLosses(tuple(names), tuple(losses), tuple(weights))


def _parse_weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not (math.isfinite(weight) and weight >= 0):
        raise ConfigError(f"loss: expected a weight >= 0 before '*', got {describe_value(text)}")
    return weight


def _list_names(names: Sequence[str]) -> str:
    return printable(", ".join(names[:20]) + (", ..." if len(names) > 20 else ""), 300)


def render_several(loss: SeveralLosses, render: Callable[[Loss], str]) -> str:
    """Return the text that `parse_several` reads back."""
    parts = zip(loss.names, loss.losses, loss.weights, strict=True)
    return ";".join(f"{name}={'' if weight == 1 else f'{weight!r}*'}{render(one)}" for name, one, weight in parts)


def fit_outputs(loss: Loss, output_names: Sequence[str]) -> Loss:
    """Return the loss for a network with these outputs: losses in the outputs' order, one alone for each of them.

    Raises ConfigError for losses of other outputs.
    """
    if not isinstance(loss, SeveralLosses):
        if len(output_names) == 1:
            return loss
        return SeveralLosses(tuple(output_names), (loss,) * len(output_names), (1.0,) * len(output_names))
    if set(loss.names) != set(output_names):
        raise ConfigError(
            f"loss: expected losses of the outputs {_list_names(output_names)}, got {_list_names(loss.names)}"
        )
    if len(output_names) == 1:
        return loss.losses[0]
    order = [loss.names.index(name) for name in output_names]
    return SeveralLosses(
        tuple(output_names), tuple(loss.losses[i] for i in order), tuple(loss.weights[i] for i in order)
    )
