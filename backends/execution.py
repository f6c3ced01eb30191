"""How a backend runs work: on which device, in which pieces, compiled or not. Every member has a default."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any, TypeVar

from cnnkit.backends.arrays import Array, Shape
from cnnkit.backends.engine import describe_blas, describe_processor
from cnnkit.errors import BackendUnavailableError, ConfigError

T = TypeVar("T")
Step = Callable[..., Any]


@dataclass(frozen=True)
class Availability:
    """Whether a backend can run on this machine; if not, why, and the command that would install it."""

    usable: bool
    reason: str = ""
    install: str = ""
    devices: tuple[str, ...] = ("cpu",)


MOST_THREADS = 1024  # more than any machine needs; each costs memory


def require_threads(threads: Any) -> int | None:
    """Return a number of threads as an int, None where it is left to the backend. Raises ConfigError."""
    if threads is None:
        return None
    if isinstance(threads, bool) or not isinstance(threads, Integral) or not 1 <= int(threads) <= MOST_THREADS:
        expected = f"a whole number from 1 to {MOST_THREADS}, or None for one per core"
        raise ConfigError(f"threads: expected {expected}, got {threads!r}")
    return int(threads)


class Execution:
    """The half of a backend that computes nothing: it assigns, splits batches into shards, compiles and synchronises.

    A backend is made as Class(device=None, threads=None); None leaves the choice to it. `threads` says how many
    threads of the CPU it uses; a backend that cannot control them may ignore it.
    """

    name: str
    device: str = "cpu"
    threads: int = 1
    numerics: str = "plain"  # or "exact": sums and products whose bits do not depend on their order
    half_types: tuple[str, ...] = ()  # of "bfloat16" and "float16", those that it can compute in

    @classmethod
    def availability(cls) -> Availability:
        """Say whether this machine can run the backend, without raising."""
        return Availability(usable=True)

    def describe_engine(self) -> dict[str, str]:
        """Return what of this machine, besides threads and versions, decides the last bits of plain arithmetic."""
        return describe_processor() | {"blas": describe_blas()}

    def assign(self, target: Array, value: Array) -> Array:
        """Return the array to use for `target` from now on, holding `value`; mutable arrays are written in place."""
        return value

    def shard_size(self, x_shape: Shape) -> int:
        """Return how many samples of a batch x_shape (N, C, H, W) are best worked on at a time.

        It depends on the shape alone, never on the number of threads. The default is the whole batch.
        """
        return x_shape[0]

    def map_samples(self, function: Callable[..., T], size: int, *arrays: Array, label: str = "") -> list[T]:
        """Return [function(first, *shards), ...] over shards of `size` samples, in order.

        first: position of the shard's first sample in the batch. label: names the work; a backend that measures how
        long work takes keeps its times by label and shape.
        """
        count = arrays[0].shape[0]
        if count <= size:
            return [function(0, *arrays)]
        firsts = range(0, count, size)
        return [function(first, *(array[first : first + size] for array in arrays)) for first in firsts]

    def compile(self, step: Step, impure: str | None = None) -> Step:
        """Return a function that does what `step` does; it may be captured and replayed, unless `impure` says why not.

        step(variables, *inputs) -> (variables, report): trees of dictionaries (some are cnnkit.tree.FlatTree),
        tuples and NamedTuples; variables of arrays, inputs of arrays and numbers. Variables are written in place where
        arrays can be. Inputs may be copied to a fixed place on the device, numbers becoming 0-d arrays (whole ones
        int64, others of the dtype of the real arrays). Results are valid until the next call.
        A model's forward pass is compiled as well: it returns no variables, so those given stay in use.
        """
        return step

    def launches(self) -> Mapping[str, int]:
        """Return how often each kernel was launched from the host, by name; empty where a backend does not count."""
        return {}

    def data_bytes(self) -> int:
        """Return how many bytes of data may stay on the device between steps; 0 where that gains nothing."""
        return 0

    def out_of_memory(self, error: BaseException) -> bool:
        """Return whether this error says that memory has run out."""
        return isinstance(error, MemoryError)

    def allow_tf32(self) -> None:
        """Let products round their factors to TF32. Raises BackendUnavailableError where the device has no TF32."""
        raise BackendUnavailableError(f"backend {self.name} on {self.device}: has no TF32: leave tf32 out")

    def synchronize(self) -> None:
        """Wait until all work given to the device is done."""
        return
