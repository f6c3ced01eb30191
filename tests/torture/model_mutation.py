"""Values as a stranger would put them into the fields of a model or a checkpoint, and documents with some of them."""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]
WRONG: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 3, 7, 1000, 2**16, 2**31, 2**32, 2**63 - 1, 2**63, 10**30, 10**400, -(2**63),
    0.5, -0.5, 1e-320, 1e308, -1e308, float("nan"), float("inf"), float("-inf"),
    "", "x", "same", "None", "\x00", "a\nb", "\u202e", "\x1b[2J", "x" * 5000,
    "he_uniform", "constant:value=1e300", "constant:value=nan", "normal:std=1e308", "uniform:low=-1e308,high=1e308",
    "orthogonal:gain=1e308", "sgd:momentum=nan", "sgd:weight_decay=1e300", "sgd:clip_norm=1e-300", "adam:epsilon=1e300",
    "adam:beta1=0.9999999999999999", "rmsprop:decay=0.9999999999999999", "huber:delta=1e300", "l1",
    "step:epochs=1,gamma=1e300", "step:epochs=1000000000000000000000000", "warmup:epochs=1e308", "warmup:then=warmup",
    "inverse:decay=1e308", "onecycle:start=nan",
    [], [1], [0], [-1, 2], [3, 3], [1, 8, 8], [2**31, 2**31], [10**30], [[1]], ["a"], [None], [True, 1], [1] * 40,
    {}, {"a": 1}, {"name": "x"}, {"epoch": 1}, {"type": "ReLU"}, {"type": "Dense", "features": 3}, [{"type": "ReLU"}],
    {"offset": 0.0, "factor": 1e300}, {"offset": 1e308, "factor": -1e308},
)  # fmt: skip
_KEYS = ("x", "type", "name", "path", "layers", "body", "padding", "a.b", "")


def mutate(document: Any, rng: random.Random) -> Any:
    """Return a copy of a document of dictionaries and lists with one to three fields wrong, missing, new or copied."""
    document = copy.deepcopy(document)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = [path for path in list_paths(document) if path]
        if not places:
            break
        *parents, key = rng.choice(places)
        parent = find(document, tuple(parents))
        choice = rng.random()
        if choice < 0.7:
            parent[key] = copy.deepcopy(rng.choice(WRONG))
        elif choice < 0.8:
            del parent[key]
        elif isinstance(parent, list):
            parent.insert(key, copy.deepcopy(find(document, rng.choice(places))))
        else:
            parent[rng.choice(_KEYS)] = copy.deepcopy(rng.choice(WRONG))
    return document


def list_paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every value in a document, the document itself first."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from list_paths(inner, (*path, key))


def find(value: Any, path: Path) -> Any:
    """Return the value at a path."""
    for key in path:
        value = value[key]
    return value


def write_toml(document: dict[str, Any]) -> str:
    """Return a document as TOML; None, which TOML has not, is a text."""
    return "".join(f"{json.dumps(str(key))} = {_write_value(value)}\n" for key, value in document.items())


def _write_value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_write_value, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))} = {_write_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, int | float) else json.dumps(str(value))
