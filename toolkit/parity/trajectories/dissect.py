"""One step taken apart: layer by layer, on the same inputs, what differs first, and what explains it."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from cnnkit import losses, optimizers
from cnnkit.layers import Context
from cnnkit.parity.bounds import Kind, bound, compare
from cnnkit.parity.check import Arena
from cnnkit.parity.explain import explain_calls
from cnnkit.parity.layer_pass import Given, Passed, run_layer
from cnnkit.parity.mistakes.layers import layer_reasons
from cnnkit.parity.mistakes.optimizers import update_reasons
from cnnkit.parity.recording import recorded
from cnnkit.parity.trajectories.plan import Plan
from cnnkit.parity.trajectories.runner import Contestant, before
from cnnkit.seeds import Purpose, key
from cnnkit.tree import child, flatten, unflatten


class Part(NamedTuple):
    """One quantity side by side: its largest values, and how far it is apart."""

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


Found = tuple[Part, Callable[[], str]]  # a quantity, and what to call to learn why it is wrong


@dataclass
class Dissection:
    """What a step, counted from 0, looks like inside. first: what is wrong first, in the order of computing."""

    step: int
    parts: list[Part] = field(default_factory=list)
    first: Part | None = None
    explained: str = ""

    @property
    def beside(self) -> list[Part]:
        """The parts of the layer where the first wrong one is: forward, gradients, optimizer state."""
        return [part for part in self.parts if self.first and part.place == self.first.place]


def dissect(plan: Plan, who: Contestant, judge: Contestant, step: int) -> Dissection:
    """Run one step of the judge's training on both, each layer on the judge's inputs."""
    found = Dissection(step)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for part, why in _Inside(plan, who, judge, step).parts():
                found.parts.append(part)
                if found.first is None and not part.passed:
                    found.first, found.explained = part, why()
        except Exception as error:
            found.explained = found.explained or f"raised {type(error).__name__}: {error}"
    if found.first is None and not found.explained:
        found.explained = "no single operation leaves its bound in this step: rounding, which training amplifies"
    return found


class _Inside:
    """What the judge had in one step: each layer's input and gradient; and both contestants' answers to them."""

    def __init__(self, plan: Plan, who: Contestant, judge: Contestant, step: int) -> None:
        self.plan, self.who, self.judge = plan, who, judge
        self.dtype, self.oracle = who.arena.dtype, judge.arena.backend
        self.trees, x, self.labels, self.scalars = before(judge, plan, step)
        words = key(plan.options.seed, Purpose.DROPOUT)
        self.context = Context(self.oracle, True, words, step)
        self.layers = plan.network.layers
        given = [
            Given(
                step,
                self.context.child(str(i)).key,
                child(self.trees["params"], str(i)),
                child(self.trees["state"], str(i)),
                None,
            )
            for i in range(len(self.layers))
        ]
        for i, layer in enumerate(self.layers):
            given[i] = given[i]._replace(x=x)
            x = run_layer(judge.arena, layer, given[i]).forward["y"]
        self.outputs = x
        dy = self.loss(judge.arena)["dy"]
        self.right: list[Passed] = []
        for i in reversed(range(len(self.layers))):
            given[i] = given[i]._replace(dy=dy)
            self.right.insert(0, run_layer(judge.arena, self.layers[i], given[i]))
            dy = self.right[0].backward["dx"]
        self.given = given
        own = (who.network or plan.network).layers
        self.got = [run_layer(who.arena, layer, given) for layer, given in zip(own, self.given, strict=True)]

    def loss(self, arena: Arena) -> dict[str, Any]:
        """Return the loss and its gradient on the judge's outputs."""
        loss = losses.parse(self.plan.options.loss)
        value, dy = loss.value_and_gradient(arena.backend, arena.array(self.outputs), arena.integers(self.labels))
        return {"loss": arena.host(value).reshape(()), "dy": arena.host(dy)}

    def parts(self) -> Iterator[Found]:
        """Yield every quantity in the order of computing."""
        places = [f"layer {i} ({layer.type})" for i, layer in enumerate(self.layers)]
        for i, place in enumerate(places):
            yield from self._compared(
                place, self.got[i].forward, self.right[i].forward, "forward", partial(self._why, i)
            )
        right = self.loss(self.judge.arena)
        yield from self._compared("loss", self.loss(self.who.arena), right, "gradient", self._why_loss)
        for i in reversed(range(len(places))):
            why = partial(self._why, i)
            yield from self._compared(places[i], self.got[i].backward, self.right[i].backward, "gradient", why)
        yield from self._updates(places)
        whole = (self._whole(self.who), self._whole(self.judge))
        yield from self._compared(
            "the network as a whole", *whole, "gradient", lambda: "map_samples, or layers in one go"
        )

    def _updates(self, places: list[str]) -> Iterator[Found]:
        grads = self._gradients()
        optimizer = optimizers.parse(self.plan.options.optimizer)
        slots = {name: tree for name, tree in self.trees.items() if name not in ("params", "state")}
        results = []
        for arena, rule in ((self.who.arena, self.who.optimizer or optimizer), (self.judge.arena, optimizer)):
            own = {name: arena.tree(tree) for name, tree in slots.items()}
            params = arena.tree(self.trees["params"])
            new, updated = rule.update(arena.backend, params, arena.tree(unflatten(grads)), own, self.scalars)
            results.append({n: arena.host(v) for n, v in flatten({"parameter": new, **updated}).items()})
        got, right = results
        parameters = flatten(self.trees["params"])
        for name, value in right.items():
            what, _, tensor = name.partition(".")
            given = [flatten(slots[n])[tensor] for n in optimizer.slots]
            answer = [got.get(f"{n}.{tensor}") for n in ("parameter", *optimizer.slots)]
            asked = (optimizer, parameters[tensor], grads[tensor], given, self.scalars, answer, self.dtype, self.oracle)
            label = f"{what} of {tensor.partition('.')[2]}"
            place = places[int(tensor.partition(".")[0])]
            why = partial(update_reasons, *asked)
            yield from self._compared(place, {label: got.get(name)}, {label: value}, "forward", why)

    def _gradients(self) -> dict[str, Any]:
        return {
            f"{i}.{name.removeprefix('gradient of ')}": value
            for i, passed in enumerate(self.right)
            for name, value in passed.backward.items()
            if name != "dx"
        }

    def _whole(self, who: Contestant) -> dict[str, Any]:
        """Return the outputs and gradients of the network called as one."""
        network, arena = who.network or self.plan.network, who.arena
        context = self.context._replace(backend=arena.backend)
        params, state = arena.tree(self.trees["params"]), arena.tree(self.trees["state"])
        y, cache = network.forward(context, params, state, arena.array(self.given[0].x))
        outputs = arena.host(y)
        assert self.given[-1].dy is not None
        grads = network.parameter_gradients(context, params, cache, arena.array(self.given[-1].dy))
        return {"outputs": outputs} | {n: arena.host(g) for n, g in flatten(grads).items()}

    def _why(self, i: int) -> str:
        reasons = explain_calls(self.got[i].calls, self.dtype, self.oracle)
        if not reasons:
            asked = (self.layers[i], self.given[i], self.got[i], self.right[i])
            reasons = layer_reasons(*asked, self.dtype, self.judge.arena)
        return next(iter(reasons), "")

    def _why_loss(self) -> str:
        watched, calls = recorded(self.who.arena)
        self.loss(watched)
        return next(iter(explain_calls(calls, self.dtype, self.oracle)), "")

    def _compared(
        self, place: str, got: dict[str, Any], right: dict[str, Any], kind: Kind, why: Callable[[], str]
    ) -> Iterator[Found]:
        for name, b in right.items():
            a = got.get(name)
            scale = min(_largest(b), 1.0) or 1.0  # gradients are small: they are judged by their own size
            error = compare(a, b, scale=scale).error if a is not None else np.inf
            yield Part(place, name, _largest(a), _largest(b), error, bound(kind, self.dtype)), why


def _largest(values: Any) -> float:
    return float(np.max(np.abs(values), initial=0.0)) if values is not None else np.nan
