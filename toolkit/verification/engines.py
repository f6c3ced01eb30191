"""Whether this machine computes as the one that trained: plain arithmetic repeats its bits only where all is the same.

What decides: the backend and its device, the threads of PyTorch (NumPy's do not matter), the versions of cnnkit and of
the libraries that compute, the kernels of the BLAS, and the processor's features by which kernels and loops are chosen.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from cnnkit.files.names import describe_value
from cnnkit.network import Network
from cnnkit.verification.claim import Claim
from cnnkit.weights import describe_origin

_VERSIONS = ("cnnkit", "numpy")  # and the library of the backend; Python's decides nothing


def list_other(claim: Claim, model: Network) -> list[str]:
    """Return what differs here from the machine that trained: "numpy 2.1.0, here 2.3.1"; empty where nothing does."""
    told = claim.file.metadata.get("provenance")
    return list(_compare(told if isinstance(told, Mapping) else {}, describe_origin(model)))


def _compare(told: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    names = ("backend", "device") if here["backend"] == "numpy" else ("backend", "device", "threads")
    yield from _list_pairs({name: told.get(name) for name in names}, {name: here[name] for name in names})
    versions = _mapping(told, "versions")
    wanted = [name for name in here["versions"] if name in (*_VERSIONS, here["backend"])]
    yield from _list_pairs(versions, {name: here["versions"][name] for name in wanted})
    yield from _list_pairs(_mapping(told, "engine"), here["engine"])


def _list_pairs(told: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    for name, value in here.items():
        if told.get(name) != value:
            trained = "not told" if told.get(name) is None else describe_value(told[name], 60)
            yield f"{name} {trained}, here {describe_value(value, 60)}"


def _mapping(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = told.get(name)
    return value if isinstance(value, Mapping) else {}
