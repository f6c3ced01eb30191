"""Keras models that are wrong, or grow without end: cycles, models in models, sizes, code that must not run."""

import json
from collections.abc import Callable
from typing import Any

from hostile.keras_files import archive
from hostile.making import CANARY, make_cases

_ANY = (0, 2)


def _layer(kind: str, name: Any, *sources: Any, **config: Any) -> dict[str, Any]:
    """Return a layer of a functional model; a source is the name of a layer, or (name, call, output)."""
    places = [source if isinstance(source, tuple) else (source, 0, 0) for source in sources]
    calls = [[[layer, call, output, {}] for layer, call, output in places]] if sources else []
    return {"class_name": kind, "name": name, "config": {"name": name} | config, "inbound_nodes": calls}


def _input(name: str = "x", shape: Any = (4,)) -> dict[str, Any]:
    return _layer("InputLayer", name, batch_input_shape=[None, *shape] if isinstance(shape, tuple) else shape)


def _functional(
    *layers: Any, name: str = "m", inputs: tuple[str, ...] = ("x",), outputs: tuple[str, ...] = ("y",)
) -> dict[str, Any]:
    fields = {
        "name": name, "layers": list(layers), "input_layers": [[n, 0, 0] for n in inputs],
        "output_layers": [[n, 0, 0] for n in outputs],
    }  # fmt: skip
    return {"class_name": "Functional", "config": fields, "name": name, "inbound_nodes": []}


def _sequential(*layers: Any) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"name": "m", "layers": list(layers)}}


def _relu(name: str, *sources: Any) -> dict[str, Any]:
    return _layer("ReLU", name, *sources)


def _doubled(levels: int, kind: str) -> dict[str, Any]:
    """Return a model that calls a model twice, which calls a model twice, and so on."""
    model = _functional(_input(), _layer(kind, "y", "x"))
    for _ in range(levels):
        inner = model | {"name": "i", "inbound_nodes": [[["x", 0, 0, {}]], [["i", 0, 0, {}]]]}
        inner["config"] = inner["config"] | {"name": "i"}
        model = _functional(_input(), inner, _layer(kind, "y", ("i", 1, 0)))
    return model


def _nested(levels: int) -> dict[str, Any]:
    model = _functional(_input(), _relu("y", "x"))
    for _ in range(levels):
        model = _functional(_input(), model | {"name": "y", "inbound_nodes": [[["x", 0, 0, {}]]]})
    return model


_CODE = f"__import__('pathlib').Path('{CANARY}').touch()"
_ROWS: list[tuple[str, str, Callable[[], Any]]] = [
    ("cycle", "two layers that wait for each other", lambda: _functional(
        _input(), _layer("Add", "y", "x", "a"), _relu("a", "y"))),
    ("itself", "a layer that takes what it gives", lambda: _functional(_input(), _layer("Add", "y", "x", "y"))),
    ("unknown", "a layer that takes what there is not", lambda: _functional(_input(), _relu("y", "z"))),
    ("call-huge", "call 10^9 of a layer", lambda: _functional(_input(), _relu("y", ("x", 10**9, 0)))),
    ("call-negative", "call -1 of a layer", lambda: _functional(_input(), _relu("y", ("x", -1, -1)))),
    ("call-text", "a call that is a text", lambda: _functional(_input(), _relu("y", ("x", "0", None)))),
    ("nodes-number", "calls that are a number", lambda: _functional(_input(), _relu("y") | {"inbound_nodes": 5})),
    ("nodes-deep", "calls in each other", lambda: _functional(_input(), _relu("y") | {"inbound_nodes": [[[[[[]]]]]]})),
    ("outputs-number", "outputs that are a number", lambda: _functional(_input(), _relu("y", "x"), outputs=(5,))),
    ("twice", "two layers of one name", lambda: _functional(_input(), _relu("y", "x"), _relu("y", "x"))),
    ("nested-60", "60 models in each other", lambda: _nested(60)),
    ("doubled", "a model called 2^24 times", lambda: _doubled(24, "ReLU")),
    ("doubled-nothing", "a model of nothing called 2^24 times", lambda: _doubled(24, "Dropout")),
    ("chain", "4,000 layers", lambda: _functional(_input(), *[_relu(f"a{n}", f"a{n - 1}" if n else "x") for n in range(
        4_000)], _relu("y", "a3999"))),
    ("many", "25,000 layers", lambda: _sequential(_input(), *[_relu(f"a{n}") for n in range(25_000)])),
    ("wide", "each of 200 layers takes all before it", lambda: _functional(_input(), *[_layer("Add", f"a{n}", "x", "x",
        *(f"a{i}" for i in range(n))) for n in range(200)], _relu("y", "a199"))),
    ("units-huge", "2^60 units", lambda: _sequential(_input(), _layer("Dense", "d", units=1 << 60))),
    ("units-negative", "-1 units", lambda: _sequential(_input(), _layer("Dense", "d", units=-1))),
    ("units-text", "units that are a text", lambda: _sequential(_input(), _layer("Dense", "d", units="2"))),
    ("units-real", "1e308 units", lambda: _sequential(_input(), _layer("Dense", "d", units=1e308))),
    ("shape-text", "a shape of texts", lambda: _sequential(_input(shape=("4",)), _relu("y"))),
    ("shape-none", "no shape", lambda: _sequential(_input(shape=None), _relu("y"))),
    ("shape-open", "a shape left open", lambda: _sequential(_input(shape=(None, None)), _relu("y"))),
    ("shape-2-40", "samples of 2^120 values", lambda: _sequential(_input(shape=(1 << 40,) * 3), _relu("y"))),
    ("shape-large", "samples of 2^36 values", lambda: _sequential(_input(shape=(1 << 18, 1 << 18, 1)), _relu("y"))),
    ("shape-long", "samples of 10,000 axes", lambda: _sequential(_input(shape=(1,) * 10_000), _relu("y"))),
    ("shape-zero", "samples of no value", lambda: _sequential(_input(shape=(0, 4)), _relu("y"))),
    ("shape-negative", "samples of -4 values", lambda: _sequential(_input(shape=(-4,)), _relu("y"))),
    ("reshape-huge", "a shape of 2^80", lambda: _sequential(_input(), _layer("Reshape", "r", target_shape=[1 << 40] * 2)
        )),
    ("repeat-huge", "samples repeated 2^50 times", lambda: _sequential(_input(), _layer("RepeatVector", "r", n=1 << 50
        ))),
    ("upsampling-huge", "images enlarged to 2^80 pixels", lambda: _sequential(_input(shape=(4, 4, 1)), _layer(
        "UpSampling2D", "u", size=[1 << 40] * 2))),
    ("padding-huge", "images padded to 2^80 pixels", lambda: _sequential(_input(shape=(4, 4, 1)), _layer(
        "ZeroPadding2D", "u", padding=[[1 << 40] * 2] * 2))),
    ("window-huge", "a window of 2^31", lambda: _sequential(_input(shape=(4, 4, 1)), _layer("MaxPooling2D", "u",
        pool_size=[1 << 31] * 2, padding="same"))),
    ("window-zero", "a window of 0", lambda: _sequential(_input(shape=(4, 4, 1)), _layer("MaxPooling2D", "u", pool_size=[
        0, 0]))),
    ("permute-odd", "an order of axes that is none", lambda: _sequential(_input(), _layer("Permute", "p", dims=[7, 7]))),
    ("activation-list", "an activation that is a list", lambda: _sequential(_input(), _layer("Activation", "a",
        activation=["relu"]))),
    ("shared", "one layer on samples of two shapes", lambda: _functional(_input(), _input("z", (7,)), _layer("Dense",
        "d", units=2) | {"inbound_nodes": [[["x", 0, 0, {}]], [["z", 0, 0, {}]]]}, _layer("Add", "y", ("d", 0, 0), (
        "d", 1, 0)), inputs=("x", "z"))),
    ("lambda", "a Lambda layer whose code makes a file", lambda: _sequential(_input(), _layer("Lambda", "l", function={
        "class_name": "__lambda__", "config": {"code": _CODE, "defaults": None, "closure": None}}))),
    ("custom", "a layer of a class of its own", lambda: _sequential(_input(), _layer("Touch", "t", path=CANARY) | {
        "module": "os", "registered_name": "os>system"})),
    ("module", "a layer that is a function of a module", lambda: _sequential(_input(), _layer("system", "t",
        command=f"touch {CANARY}") | {"module": "os"})),
    ("name-odd", "names with marks", lambda: _sequential(_input(), _relu("\u202e\x1b[2J\n<script>"))),
    ("name-long", "a name of a million letters", lambda: _sequential(_input(), _relu("n" * 1_000_000))),
    ("deep", "a setting in 900 lists", lambda: _sequential(_input(), _layer("Dense", "d", units=json.loads(
        "[" * 900 + "]" * 900)))),
]  # fmt: skip


def _archive(make: Callable[[], Any]) -> Callable[[], bytes]:
    return lambda: archive(json.dumps(make()).encode())


CASES = make_cases(
    "weights", [(f"keras-graph-{name}.keras", about, _archive(make), _ANY) for name, about, make in _ROWS]
)
