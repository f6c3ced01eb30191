"""An array of the simulated device: NumPy's arithmetic with CuPy's restrictions."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from cnnkit.backends.cuda.simulator.transfers import transfers
from cnnkit.tree import map_tree

_READS = ("item", "tolist", "tobytes", "dump", "dumps", "tofile")  # methods that read values


class DeviceArray(np.lib.mixins.NDArrayOperatorsMixin):
    """Host memory that behaves as device memory does under CuPy.

    A host array in an operation raises TypeError, and so does np.asarray of a device array; reductions and single
    elements are 0-d device arrays; float(), int(), bool(), item() and tolist() are host reads, counted in `transfers`.
    It is no subclass of numpy.ndarray, because NumPy would then read its memory without asking.
    """

    __slots__ = ("_host",)

    def __init__(self, host: Any) -> None:
        self._host: Any = np.asarray(host)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # NumPy's array protocols would expose the memory to the host
            raise AttributeError(f"a device array has no {name}: use x.data.ptr for its address")
        attribute = getattr(self._host, name)
        if not callable(attribute):
            return on_device(attribute)
        if name in _READS:
            transfers.host_read(name)
            return attribute
        return on_device_arrays(attribute)

    @property
    def data(self) -> Any:
        """The memory; its `ptr` is the address, as in CuPy."""
        return SimpleNamespace(ptr=self._host.__array_interface__["data"][0])

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return tuple(self._host.shape)

    def view(self, dtype: Any) -> "DeviceArray":
        """Return the same memory as values of another dtype."""
        if isinstance(dtype, type) and issubclass(dtype, np.ndarray):
            raise TypeError("a device array is no host array: the simulator itself reads its memory with on_host(x)")
        return DeviceArray(self._host.view(dtype))

    def get(self) -> Any:
        """Return a copy on the host."""
        transfers.copy_to_host("get")
        return self._host.copy()

    def set(self, host: Any) -> None:
        """Copy an array of the host here; shape and dtype must be the same."""
        if not isinstance(host, np.ndarray) or (host.shape, host.dtype) != (self.shape, self.dtype):
            raise ValueError(f"expected a host array of {self.dtype}, shape {self.shape}")
        transfers.copy_to_device("set")
        self._host[...] = host

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("a device array does not turn into a host array by itself: use xp.asnumpy(x) or x.get()")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        for value in (*inputs, *options.get("out", ())):
            if isinstance(value, list | tuple):
                kind = type(value).__name__
                raise TypeError(f"{kind} in a device operation ({ufunc.__name__}): use xp.asarray first")
        return on_device_arrays(getattr(ufunc, method))(*inputs, **options)

    def __array_function__(self, function: Any, _types: Any, args: Any, options: Any) -> Any:
        return on_device_arrays(function)(*args, **options)

    def __getitem__(self, key: Any) -> Any:
        keys = key if isinstance(key, tuple) else (key,)
        for one in keys:
            if isinstance(one, list):
                transfers.copy_to_device("list as index")
            if isinstance(one, DeviceArray) and one.dtype == np.bool_:
                transfers.host_read("how many elements a mask picks")
        view = not any(one is Ellipsis for one in keys)  # with an Ellipsis, one element is a 0-d view
        return on_device(self._host[(*on_host(keys), Ellipsis) if view else on_host(keys)])

    def __setitem__(self, key: Any, value: Any) -> None:
        if not isinstance(value, DeviceArray | np.generic | bool | int | float | complex):
            raise TypeError(f"{type(value).__name__} in a device operation (assignment): use xp.asarray first")
        with np.errstate(all="ignore"):
            self._host[on_host(key)] = on_host(value)

    def __iter__(self) -> Iterator[Any]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))  # views; nothing is read

    def __len__(self) -> int:
        return len(self._host)

    def __float__(self) -> float:
        transfers.host_read("float(x)")
        return float(self._host.item())

    def __int__(self) -> int:
        transfers.host_read("int(x)")
        return int(self._host.item())

    def __index__(self) -> int:
        transfers.host_read("a device array as an index")
        return int(self._host.__index__())

    def __bool__(self) -> bool:
        transfers.host_read("bool(x)")
        return bool(self._host)

    def __complex__(self) -> complex:
        transfers.host_read("complex(x)")
        return complex(self._host.item())

    def __format__(self, spec: str) -> str:
        transfers.host_read("text of x")
        return format(self._host.item() if spec else self._host, spec)

    def __repr__(self) -> str:
        return f"DeviceArray(shape={self.shape}, dtype={self.dtype})"  # for messages; reads no values

    def __copy__(self) -> "DeviceArray":
        return DeviceArray(self._host.copy())

    def __deepcopy__(self, _memo: Any) -> "DeviceArray":
        return DeviceArray(self._host.copy())

    def __reduce__(self) -> Any:
        return DeviceArray, (self.get(),)


def on_host(tree: Any) -> Any:
    """Return a tree with NumPy arrays in place of device arrays.

    Raises TypeError for an array of the host: CuPy's operations accept none.
    """

    def lower(leaf: Any) -> Any:
        if isinstance(leaf, np.ndarray):
            raise TypeError(f"host array in a device operation, shape {leaf.shape}: use xp.asarray first")
        return leaf._host if isinstance(leaf, DeviceArray) else leaf

    return map_tree(lower, tree)


def on_device(tree: Any) -> Any:
    """Return a tree with device arrays in place of NumPy arrays and scalars."""
    return map_tree(lambda leaf: DeviceArray(leaf) if isinstance(leaf, np.ndarray | np.generic) else leaf, tree)


def on_device_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a NumPy function as one from device arrays to device arrays, without warnings, which a GPU has none of."""

    def run(*args: Any, **options: Any) -> Any:
        with np.errstate(all="ignore"):
            result = function(*on_host(args), **on_host(options))
        out = options.get("out")
        return (out[0] if isinstance(out, tuple) else out) if out is not None else on_device(result)

    return run
