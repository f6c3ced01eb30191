"""A trained net on disk: named tensors, the architecture, metadata, and the position of the training."""

import functools
import hashlib
import math
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from cnnkit.errors import WeightFileError
from cnnkit.exporters.core.element_types import carrier
from cnnkit.files.names import printable
from cnnkit.files.threads import start_thread

Array = np.ndarray[Any, np.dtype[Any]]
Stream = Callable[[], Generator[Array, None, str]]

_AHEAD = 2  # blocks that may wait to be hashed
_SMALL = 1 << 16  # bytes that are hashed sooner than a thread starts
KINDS = ("parameter", "state", "optimizer", "activation", "other")
JSON_FIELDS = ("architecture", "metadata", "position")  # the attributes of a WeightFile that are JSON
LATEST = "latest"  # prefix of the weights that a resume continues from, where the file's own are the best ones
ROLES = ("weight", "recurrent_weight", "bias", "gamma", "beta", "mean", "variance", "embedding", "slot", "other")


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named array and its meaning; its values are read when `read` is called.

    name   dotted, as in the tree: "2.weight"
    layer  path of its layer: "2"
    kind   one of KINDS
    role   one of ROLES
    axes   a name for each axis: ("o", "i", "kh", "kw"), ("out", "in")
    dtype  as stored; "bfloat16" and the float8 types have their raw bits in uint16 and uint8
    read   returns a C-contiguous array in native byte order
    stream yields the same values flat, a few MiB at once, and returns their SHA-256; None where they can only be
           read whole
    shares name of the earlier tensor of the same kind in whose storage all its values lie (tied weights); its values
           are counted once. None where it has values of its own

    Raises ValueError when these do not fit together, or a word is not known.
    """

    name: str
    layer: str
    kind: str
    role: str
    axes: tuple[str, ...]
    dtype: str
    shape: tuple[int, ...]
    read: Callable[[], Array] = field(repr=False, compare=False)
    stream: Stream | None = field(default=None, repr=False, compare=False)
    shares: str | None = None

    def __post_init__(self) -> None:
        problem = None
        if self.kind not in KINDS:
            problem = f"kind {self.kind!r} is not one of {', '.join(KINDS)}"
        elif self.role not in ROLES:
            problem = f"role {self.role!r} is not one of {', '.join(ROLES)}"
        elif len(self.axes) != len(self.shape):
            problem = f"expected a name for each axis of {self.shape}, got {self.axes}"
        if problem is not None:
            raise ValueError(f"tensor {printable(self.name)}: {problem}")
        carrier(self.dtype)  # raises ValueError for a type that is not known

    @classmethod
    def of(
        cls,
        name: str,
        array: Array,
        *,
        layer: str | None = None,
        kind: str = "parameter",
        role: str = "other",
        axes: tuple[str, ...] | None = None,
        dtype: str | None = None,
    ) -> Self:
        """Return a tensor that holds `array`, which must not change afterwards.

        By default the layer is the name without its last part, the axes are "0", "1", ... and the dtype is the array's;
        with dtype "bfloat16" (or a float8) the array holds raw bits.

        Raises ValueError when these do not fit together.
        """
        stored = dtype or array.dtype.name
        if carrier(stored) != array.dtype.newbyteorder("="):
            raise ValueError(f"tensor {printable(name)}: {stored} is carried by {carrier(stored)}, got {array.dtype}")
        native = np.require(array, array.dtype.newbyteorder("="), "C")
        return cls(
            name,
            name.rpartition(".")[0] if layer is None else layer,
            kind,
            role,
            numbered_axes(native.ndim) if axes is None else axes,
            stored,
            native.shape,
            lambda: native,
        )

    @property
    def parameters(self) -> int:
        """The number of values."""
        return math.prod(self.shape)

    @property
    def own_parameters(self) -> int:
        """The number of values that no earlier tensor holds."""
        return 0 if self.shares is not None else self.parameters

    @property
    def nbytes(self) -> int:
        """The number of bytes in the stored dtype."""
        return self.parameters * carrier(self.dtype).itemsize

    def sha256(self) -> str:
        """Return the SHA-256, in hex, of the values: C order, little-endian, in the stored dtype."""
        if self.stream is None:
            return sha256(self.read())
        parts = self.stream()
        while True:
            try:
                next(parts)
            except StopIteration as end:
                return str(end.value)


@dataclass(frozen=True)
class NotRead:
    """What a reader saw and did not read, how many times, and why.

    weights: whether weights may be among it; False for what certainly holds none, such as the code of a layer
    """

    what: str
    count: int
    reason: str
    weights: bool = True

    @property
    def line(self) -> str:
        """One line for people."""
        return printable(f"{self.count} {self.what}: {self.reason}")

    def to_json(self) -> dict[str, Any]:
        """Return what `cnnkit inspect --json` prints."""
        return {"what": self.what, "count": self.count, "reason": self.reason}


@dataclass(frozen=True)
class WeightFile:
    """A trained net on disk, or on its way there.

    tensors       in the order of the net; a name is unique within its kind
    architecture  JSON: input shape, and for every layer type, fields, path, shapes; None when the file has none
    metadata      JSON: recipe, seed, data, backend, versions, history, ...
    position      JSON: epoch, batch and step of the training, for a resume; None for a net that is only used
    edited        names of the tensors that were changed by hand since the file was written
    not_read      what the reader saw and did not read
    file, format  the path and the format that it was read from
    shards        paths of the files that the tensors lie in, where `file` is an index of them

    Raises WeightFileError when a name occurs twice in one kind.
    """

    tensors: tuple[Tensor, ...]
    architecture: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    position: dict[str, Any] | None = None
    edited: tuple[str, ...] = ()
    not_read: tuple[NotRead, ...] = ()
    file: str | None = None
    format: str | None = None
    shards: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        seen: set[tuple[str, str]] = set()
        for tensor in self.tensors:
            if (tensor.kind, tensor.name) in seen:
                raise WeightFileError(f"{tensor.kind} {printable(tensor.name)} occurs twice", file=self.file)
            seen.add((tensor.kind, tensor.name))

    def __getitem__(self, name: str) -> Tensor:
        """Return the tensor of that name; of several kinds, the first in the order of KINDS.

        Raises KeyError when there is none.
        """
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)

    @property
    def files(self) -> tuple[str, ...]:
        """The path that it was read from, and those of its shards; () where it was read from no file."""
        return () if self.file is None else (self.file, *self.shards)

    @property
    def lacks(self) -> tuple[NotRead, ...]:
        """What was not read although weights may be among it: with any, the file was read in part."""
        return tuple(item for item in self.not_read if item.weights)

    @functools.cached_property
    def _by_name(self) -> Mapping[str, Tensor]:
        """{name: tensor}; of several kinds, the first in the order of KINDS."""
        return {t.name: t for t in sorted(self.tensors, key=lambda tensor: -KINDS.index(tensor.kind))}

    @functools.cached_property
    def parameters(self) -> int:
        """The number of trained values: those of kind parameter, shared ones once."""
        return sum(tensor.own_parameters for tensor in self.select("parameter"))

    def select(self, kind: str) -> tuple[Tensor, ...]:
        """Return the tensors of one kind, in order."""
        return tuple(tensor for tensor in self.tensors if tensor.kind == kind)

    def arrays(self, kind: str) -> Mapping[str, Array]:
        """Return {name: values} of one kind, all read."""
        return {tensor.name: tensor.read() for tensor in self.select(kind)}


@functools.cache
def numbered_axes(rank: int) -> tuple[str, ...]:
    """Return "0", "1", ...: the names of axes that have no other."""
    return tuple(map(str, range(rank)))


def hash_blocks(parts: Iterable[Array]) -> Generator[Array, None, str]:
    """Yield arrays, and return the SHA-256 of all their bytes, little-endian, computed while the caller works.

    The caller must not change them: the hash lags behind.
    """
    digest, running = hashlib.sha256(), deque[Future[None]]()
    beside: ThreadPoolExecutor | None = None
    try:
        for part in parts:
            little = np.require(part, part.dtype.newbyteorder("<"), "C")
            data = little.reshape(-1).view(np.uint8).data
            if beside is None and data.nbytes <= _SMALL:
                digest.update(data)
            else:
                beside = beside or ThreadPoolExecutor(1)
                running.append(start_thread(beside.submit, digest.update, data))
            yield part
            if len(running) > _AHEAD:
                running.popleft().result()
        for future in running:
            future.result()
    finally:
        if beside is not None:
            beside.shutdown()
    return digest.hexdigest()


def sha256(array: Array) -> str:
    """Return the SHA-256, in hex, of an array's values: C order, little-endian."""
    little = np.require(array, array.dtype.newbyteorder("<"), "C")
    return hashlib.sha256(little.reshape(-1).view(np.uint8).data).hexdigest()
