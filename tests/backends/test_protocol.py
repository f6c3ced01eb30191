import inspect

import numpy as np
import pytest
import torch

from cnnkit.backends.cuda.cupy_backend import CupyBackend
from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.backends.protocol import Array, Backend
from cnnkit.backends.pytorch.torch_backend import TorchBackend
from cnnkit.backends.reference.reference_backend import ReferenceBackend
from cnnkit.backends.shared.array_backend import ArrayBackend

CLASSES = [NumpyBackend, CupyBackend, TorchBackend, ReferenceBackend]
OWN = {
    ArrayBackend: {"gemm"},
    NumpyBackend: {"isolate_thread", "empty", "scratch"},
}  # public methods beyond the protocol


def methods(cls: type) -> dict[str, inspect.Signature]:
    return {n: inspect.signature(m) for n, m in inspect.getmembers(cls, inspect.isroutine) if not n.startswith("_")}


def parameters(signature: inspect.Signature) -> list[tuple]:
    return [(p.name, p.kind, p.default) for p in signature.parameters.values()]


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("name", list(methods(Backend)))
def test_every_backend_has_the_signatures_of_the_protocol(cls, name) -> None:
    assert parameters(methods(cls)[name]) == parameters(methods(Backend)[name])


@pytest.mark.parametrize("cls", CLASSES)
def test_no_backend_has_more_than_the_protocol(cls) -> None:
    own = set().union(*(names for base, names in OWN.items() if issubclass(cls, base)))
    assert set(methods(cls)) - set(methods(Backend)) == own


@pytest.mark.parametrize("cls", CLASSES)
def test_every_backend_is_complete_and_named(cls) -> None:
    assert not inspect.isabstract(cls)
    assert cls.name
    assert list(inspect.signature(cls).parameters) == ["device", "threads"]


def test_the_reflection_sees_a_wrong_signature() -> None:
    class Wrong(ReferenceBackend):
        def exp(self, y):  # the protocol says x
            return y

    assert parameters(methods(Wrong)["exp"]) != parameters(methods(Backend)["exp"])


@pytest.mark.parametrize("cls", [np.ndarray, torch.Tensor])
def test_arrays_of_the_libraries_satisfy_the_array_protocol(cls) -> None:
    wanted = {name for name in vars(Array) if callable(vars(Array)[name]) or isinstance(vars(Array)[name], property)}
    wanted -= {"__init__", "__subclasshook__", "__hash__"}
    assert {"shape", "reshape", "__matmul__"} & wanted == {"shape", "reshape"}
    assert [name for name in sorted(wanted) if not hasattr(cls, name)] == []


@pytest.mark.parametrize("array", [np.ones((2, 3)), torch.ones((2, 3))])
def test_what_the_array_protocol_allows_works(array) -> None:
    assert tuple(array.reshape((3, 2)).shape) == (3, 2)
    assert array.ndim == 2
    assert tuple(array[:, 1:2].shape) == (2, 1)
    for result in (1 + array, 1 - array, 2 * array, 1 / array, array**2, -array, array < 1, array >= 1, array != 1):
        assert tuple(result.shape) == (2, 3)
