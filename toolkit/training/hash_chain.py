"""A chain of hashes along a training: with it a replay finds the first step that differs, without the weights of steps.

A link of step s, a multiple of `every`, has a hash h_t of each tensor after s updates (16 bytes of the SHA-256 of its
little-endian values) and the digest SHA-256(digest before || s as 8 bytes, little-endian || h_1 || h_2 ...). Before the
first stands SHA-256 of the text "every", a space, K, and one line for each tensor's name. So a link is a function of
the bits of the training up to there alone: neither of the number of workers nor of interruptions.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from cnnkit.backends.protocol import Array
from cnnkit.files.names import describe_value, printable
from cnnkit.training.step import TrainState
from cnnkit.tree import flatten
from cnnkit.values import is_count

HASH_BYTES, DIGEST_BYTES = 16, 32  # half a SHA-256 is enough against a second preimage, which a forger would need


class Link(NamedTuple):
    """A step of the chain: the digest that stands for all up to it, and the hash of each tensor."""

    digest: bytes
    hashes: tuple[bytes, ...]


class ChainError(ValueError):
    """A stored chain that cannot be, in one line. step: of the first link that does not follow from the one before."""

    def __init__(self, problem: str, step: int | None = None) -> None:
        super().__init__(problem)
        self.step = step


@dataclass
class HashChain:
    """The links of steps 0, every, 2 * every, ...

    names: of the tensors, parameters and running statistics first, then slots and averages, in the network's order
    """

    every: int
    names: tuple[str, ...]
    links: list[Link] = field(default_factory=list)

    @property
    def step(self) -> int:
        """The step of the last link."""
        return (len(self.links) - 1) * self.every

    def is_due(self, step: int) -> bool:
        """Return whether the link of this step comes next."""
        return step == self.step + self.every

    def append(self, arrays: Mapping[str, Any]) -> None:
        """Add the next link, of tensors by name, NumPy arrays."""
        self._append(tuple(hash_tensor(arrays[name]) for name in self.names))

    def _append(self, hashes: tuple[bytes, ...]) -> None:
        before = self.links[-1].digest if self.links else self._begin()
        step = len(self.links) * self.every
        digest = hashlib.sha256(b"".join((before, step.to_bytes(8, "little"), *hashes))).digest()
        self.links.append(Link(digest, hashes))

    def _begin(self) -> bytes:
        return hashlib.sha256("\n".join((f"every {self.every}", *self.names)).encode()).digest()

    def cut(self, step: int) -> None:
        """Drop the links after a step."""
        del self.links[step // self.every + 1 :]

    def to_json(self) -> dict[str, Any]:
        """Return the chain as a position in a weight file has it; a link is one text of base64."""
        links = [base64.b64encode(link.digest + b"".join(link.hashes)).decode() for link in self.links]
        return {"every": self.every, "tensors": list(self.names), "links": links}

    @classmethod
    def from_json(cls, stored: Any, every: int, names: Sequence[str], step: int) -> "HashChain":
        """Return a stored chain with a link for each `every` of the steps up to `step`, of tensors of these names.

        Raises ChainError where it is none, and where a link does not follow from the one before.
        """
        if not isinstance(stored, dict) or stored.keys() != {"every", "tensors", "links"}:
            raise ChainError(f"expected every, tensors and links, got {describe_value(stored)}")
        if not is_count(stored["every"], 1) or stored["every"] != every:
            raise ChainError(f"expected a link every {every} steps, got {describe_value(stored['every'])}")
        if stored["tensors"] != list(names):
            raise ChainError(f"expected the tensors {printable(', '.join(names), 200)}: other names are there")
        texts, expected = stored["links"], step // every + 1
        if not isinstance(texts, list) or len(texts) != expected:
            got = format(len(texts), ",") if isinstance(texts, list) else describe_value(texts)
            raise ChainError(f"expected {expected:,} links up to step {step:,}, got {got}")
        chain = cls(every, tuple(names))
        for number, text in enumerate(texts):
            digest, hashes = _decode(text, len(names), number * every)
            chain._append(hashes)
            if chain.links[-1].digest != digest:
                raise ChainError("the link does not follow from the one before", number * every)
        return chain


def name_arrays(variables: TrainState) -> dict[str, Array]:
    """Return {name: array} of all that a step changes: "0.weight", "first_moment/0.weight", "average.params/0.weight".

    What moves is in the order of the network: parameters, running statistics, the optimizer's slots, averages.
    """
    flat = flatten(variables.params) | flatten(variables.state)
    trees = variables.slots | {f"average.{part}": tree for part, tree in variables.average.items()}
    return flat | {f"{prefix}/{name}": array for prefix, tree in trees.items() for name, array in flatten(tree).items()}


def hash_tensor(array: Any) -> bytes:
    """Return what a link has of a NumPy array: 16 bytes of the SHA-256 of its values, C order, little-endian."""
    little = np.require(array, array.dtype.newbyteorder("<"), "C")
    return hashlib.sha256(little.reshape(-1).view(np.uint8).data).digest()[:HASH_BYTES]


def _decode(text: Any, tensors: int, step: int) -> tuple[bytes, tuple[bytes, ...]]:
    """Return (digest, hashes) of the text of a link."""
    size = DIGEST_BYTES + tensors * HASH_BYTES
    try:
        data = base64.b64decode(text, validate=True) if isinstance(text, str) and len(text) <= 2 * size else b""
    except (ValueError, binascii.Error):
        data = b""
    if len(data) != size:
        raise ChainError(f"expected {size} bytes in base64, got {describe_value(text)}", step)
    hashes = (data[start : start + HASH_BYTES] for start in range(DIGEST_BYTES, size, HASH_BYTES))
    return data[:DIGEST_BYTES], tuple(hashes)
