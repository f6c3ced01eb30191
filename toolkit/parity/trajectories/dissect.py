"""One step of a training repeated layer by layer on the same inputs: which quantity differs first, and why."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from cnnkit import losses, optimizers
from cnnkit.errors import ConfigError
from cnnkit.layers import Context, Layer, Sequential
from cnnkit.parity.bounds import Kind, bound, compare
from cnnkit.parity.check import Arena
from cnnkit.parity.explain import explain_calls, explain_update
from cnnkit.parity.layer_pass import LayerInputs, LayerOutputs, run_layer
from cnnkit.parity.mistakes.layers import explain_layer
from cnnkit.parity.recording import recorded
from cnnkit.parity.trajectories.plan import TrainingPlan
from cnnkit.parity.trajectories.runner import Contestant, replay_to_step
from cnnkit.seeds import Purpose, key
from cnnkit.training.parameter_groups import group_parameters
from cnnkit.tree import child, flatten, unflatten


class ComparedQuantity(NamedTuple):
    """One quantity on a contestant and on the reference: the largest value of each, and their difference."""

    place: str
    quantity: str
    theirs: float
    right: float
    error: float
    bound: float

    @property
    def passed(self) -> bool:
        """Whether it is within its bound."""
        return self.error <= self.bound


QuantityAndReason = tuple[ComparedQuantity, Callable[[], str]]  # the function finds out why it is wrong


@dataclass
class Dissection:
    """All quantities of a step, counted from 0, in the order of computation. first: the first that is wrong."""

    step: int
    quantities: list[ComparedQuantity] = field(default_factory=list)
    first: ComparedQuantity | None = None
    explained: str = ""

    @property
    def beside(self) -> list[ComparedQuantity]:
        """All quantities of the layer that has the first wrong one: forward, gradients, optimizer state."""
        return [one for one in self.quantities if self.first and one.place == self.first.place]


def dissect(plan: TrainingPlan, contestant: Contestant, reference: Contestant, step: int) -> Dissection:
    """Run one step of the reference's training on both; each layer gets the reference's inputs."""
    dissection = Dissection(step)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for quantity, explain in _DissectedStep(plan, contestant, reference, step).compare_all():
                dissection.quantities.append(quantity)
                if dissection.first is None and not quantity.passed:
                    dissection.first, dissection.explained = quantity, explain()
        except Exception as error:
            dissection.explained = dissection.explained or f"raised {type(error).__name__}: {error}"
    if dissection.first is None and not dissection.explained:
        dissection.explained = "no single operation exceeds its bound in this step: training amplifies rounding"
    return dissection


def _list_layers(network: Layer) -> tuple[Layer, ...]:
    """Return the layers of a Sequential. Raises ConfigError for a Graph, whose layers have no one order."""
    if not isinstance(network, Sequential):
        raise ConfigError(f"a {network.type} is not taken apart")
    return network.layers


class _DissectedStep:
    """The input and gradient of each layer in one step of the reference, and what both compute from them."""

    def __init__(self, plan: TrainingPlan, contestant: Contestant, reference: Contestant, step: int) -> None:
        self.plan, self.contestant, self.reference = plan, contestant, reference
        self.dtype, self.oracle = contestant.arena.dtype, reference.arena.backend
        self.trees, x, self.labels, self.scalars = replay_to_step(reference, plan, step)
        words = key(plan.options.seed, Purpose.DROPOUT)
        self.context = Context(self.oracle, True, words, step)
        self.layers = _list_layers(plan.network)
        self.given = [
            LayerInputs(
                step,
                self.context.child(str(i)).key,
                child(self.trees["params"], str(i)),
                child(self.trees["state"], str(i)),
                None,
            )
            for i in range(len(self.layers))
        ]
        for i, layer in enumerate(self.layers):
            self.given[i] = self.given[i]._replace(x=x)
            x = run_layer(reference.arena, layer, self.given[i]).forward["y"]
        self.outputs = x
        dy = self.compute_loss(reference.arena)["dy"]
        self.right: list[LayerOutputs] = []
        for i in reversed(range(len(self.layers))):
            self.given[i] = self.given[i]._replace(dy=dy)
            self.right.insert(0, run_layer(reference.arena, self.layers[i], self.given[i]))
            dy = self.right[0].backward["dx"]
        layers = _list_layers(contestant.network or plan.network)
        self.got = [run_layer(contestant.arena, layer, given) for layer, given in zip(layers, self.given, strict=True)]

    def compute_loss(self, arena: Arena) -> dict[str, Any]:
        """Return the loss and its gradient on the reference's outputs."""
        loss = losses.parse(self.plan.options.loss)
        of_classes = self.labels.dtype.kind in "iu"
        targets = arena.integers(self.labels) if of_classes else arena.array(self.labels)
        value, dy = loss.value_and_gradient(arena.backend, arena.array(self.outputs), targets)
        return {"loss": arena.host(value).reshape(()), "dy": arena.host(dy)}

    def compare_all(self) -> Iterator[QuantityAndReason]:
        """Yield every quantity in the order of computation."""
        places = [f"layer {i} ({layer.type})" for i, layer in enumerate(self.layers)]
        for i, place in enumerate(places):
            yield from self._compare(
                place, self.got[i].forward, self.right[i].forward, "forward", partial(self._explain_layer, i)
            )
        right = self.compute_loss(self.reference.arena)
        yield from self._compare(
            "loss", self.compute_loss(self.contestant.arena), right, "gradient", self._explain_loss
        )
        for i in reversed(range(len(places))):
            why = partial(self._explain_layer, i)
            yield from self._compare(places[i], self.got[i].backward, self.right[i].backward, "gradient", why)
        yield from self._compare_updates(places)
        whole = (self._run_whole_network(self.contestant), self._run_whole_network(self.reference))
        yield from self._compare("the network as a whole", *whole, "gradient", lambda: "map_samples, or fused layers")

    def _compare_updates(self, places: list[str]) -> Iterator[QuantityAndReason]:
        grads = self._collect_gradients()
        plan, options = self.plan, self.plan.options
        parsed = optimizers.parse(options.optimizer)
        optimizer = group_parameters(plan.network, plan.input_shape, parsed, options.rate_factors)
        slots = {name: tree for name, tree in self.trees.items() if name not in ("params", "state")}
        results = []
        for arena, rule in (
            (self.contestant.arena, self.contestant.optimizer or optimizer),
            (self.reference.arena, optimizer),
        ):
            arrays = {name: arena.tree(tree) for name, tree in slots.items()}
            params = arena.tree(self.trees["params"])
            new, updated = rule.update(arena.backend, params, arena.tree(unflatten(grads)), arrays, self.scalars)
            results.append({n: arena.host(v) for n, v in flatten({"parameter": new, **updated}).items()})
        got, right = results
        parameters = flatten(self.trees["params"])
        for name, value in right.items():
            updated_name, _, tensor = name.partition(".")
            given = [flatten(slots[n])[tensor] for n in optimizer.slots]
            answer = [got.get(f"{n}.{tensor}") for n in ("parameter", *optimizer.slots)]
            why = partial(
                explain_update, optimizer, tensor, parameters[tensor], grads[tensor], given, self.scalars, answer,
                self.dtype, self.oracle,
            )  # fmt: skip
            label = f"{updated_name} of {tensor.partition('.')[2]}"
            place = places[int(tensor.partition(".")[0])]
            yield from self._compare(place, {label: got.get(name)}, {label: value}, "forward", why)

    def _collect_gradients(self) -> dict[str, Any]:
        return {
            f"{i}.{name.removeprefix('gradient of ')}": value
            for i, outputs in enumerate(self.right)
            for name, value in outputs.backward.items()
            if name != "dx"
        }

    def _run_whole_network(self, contestant: Contestant) -> dict[str, Any]:
        """Return the outputs and gradients of the whole network in one call."""
        network, arena = contestant.network or self.plan.network, contestant.arena
        context = self.context._replace(backend=arena.backend)
        params, state = arena.tree(self.trees["params"]), arena.tree(self.trees["state"])
        y, cache = network.forward(context, params, state, arena.array(self.given[0].x))
        outputs = arena.host(y)
        assert self.given[-1].dy is not None  # noqa: S101 (for the type checker)
        grads = network.parameter_gradients(context, params, cache, arena.array(self.given[-1].dy))
        return {"outputs": outputs} | {n: arena.host(g) for n, g in flatten(grads).items()}

    def _explain_layer(self, i: int) -> str:
        reasons = explain_calls(self.got[i].calls, self.dtype, self.oracle)
        if not reasons:
            layer = (self.layers[i], self.given[i], self.got[i], self.right[i])
            reasons = explain_layer(*layer, self.dtype, self.reference.arena)
        return next(iter(reasons), "")

    def _explain_loss(self) -> str:
        watched, calls = recorded(self.contestant.arena)
        self.compute_loss(watched)
        return next(iter(explain_calls(calls, self.dtype, self.oracle)), "")

    def _compare(
        self, place: str, got: dict[str, Any], right: dict[str, Any], kind: Kind, why: Callable[[], str]
    ) -> Iterator[QuantityAndReason]:
        for name, b in right.items():
            a = got.get(name)
            scale = min(_find_largest(b), 1.0) or 1.0  # gradients are small: compare them relative to their own size
            error = compare(a, b, scale=scale).error if a is not None else np.inf
            yield ComparedQuantity(place, name, _find_largest(a), _find_largest(b), error, bound(kind, self.dtype)), why


def _find_largest(values: Any) -> float:
    return float(np.max(np.abs(values), initial=0.0)) if values is not None else np.nan
