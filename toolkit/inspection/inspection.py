"""The inspection of a weight file: one value that the terminal, JSON, the HTML page and Python code read."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnkit.exporters.core.kept_epoch import read_kept_epoch
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.files.file_digest import FileDigest
from cnnkit.inspection.finding import Finding
from cnnkit.inspection.findings import Key, findings
from cnnkit.inspection.layer_tree import LayerNode, list_layers, select
from cnnkit.inspection.statistics import Statistics, statistics


@dataclass(frozen=True)
class Inspection:
    """The layers and tensors of a weight file, the statistics of their values, and the faults in them.

    size, sha256  of the file, in bytes and in hex; None when the weights are in no file
    weights       the file: provenance in its metadata, what was not read, what was edited
    tensors       the inspected tensors, in the order of the file
    layers        in the order of the network, each with its inspected tensors
    statistics    {(kind, name): statistics of that tensor}; empty when they were not requested
    findings      the most serious first; None when statistics were not requested
    """

    size: int | None
    sha256: str | None
    weights: WeightFile
    tensors: tuple[Tensor, ...]
    layers: tuple[LayerNode, ...]
    statistics: Mapping[Key, Statistics]
    findings: tuple[Finding, ...] | None

    @property
    def doubtful(self) -> bool:
        """Whether there is an error, a warning, an edited tensor or one that was not read."""
        serious = any(finding.severity != "note" for finding in self.findings or ())
        return bool(self.weights.edited or self.weights.not_read) or serious

    def statistics_of(self, tensor: Tensor) -> Statistics | None:
        """Return the statistics of an inspected tensor, None when they were not requested."""
        return self.statistics.get((tensor.kind, tensor.name))

    def to_json(self) -> dict[str, Any]:
        """Return the keys that `cnnkit inspect --json` prints."""
        weights = self.weights
        facts = {
            "file": weights.file, "format": weights.format, "size": self.size, "sha256": self.sha256,
            "edited": list(weights.edited),
            "not_read": [item.to_json() for item in weights.not_read],
            "layers": [layer.to_json(weights.parameters) for layer in self.layers],
            "parameters": weights.parameters,
            "training": None if (kept := read_kept_epoch(weights.metadata)) is None else kept.to_json(),
            "tensors": [_tensor_json(tensor, self.statistics_of(tensor)) for tensor in self.tensors],
        }  # fmt: skip
        if self.findings is not None:
            facts["findings"] = [finding.to_json() for finding in self.findings]
        return facts | {"undefined": self._undefined()}

    def _undefined(self) -> dict[str, str]:
        """Return {tensor.key: reason} for the figures that are None, and for the SHA-256 of shards."""
        closed = self.weights.shards and self.sha256 is None and self.size is not None
        return ({"sha256": "not all shards were opened"} if closed else {}) | {
            f"{name}.{key}": reason
            for (_, name), computed in self.statistics.items()
            for key, reason in computed.undefined().items()
        }


def _tensor_json(tensor: Tensor, computed: Statistics | None) -> dict[str, Any]:
    facts = {
        "name": tensor.name, "layer": tensor.layer, "kind": tensor.kind, "role": tensor.role,
        "axes": list(tensor.axes), "shape": list(tensor.shape), "dtype": tensor.dtype,
        "parameters": tensor.parameters,
    }  # fmt: skip
    if tensor.shares is not None:
        facts["shares"] = tensor.shares
    return facts if computed is None else facts | computed.to_json()


def inspect(weights: WeightFile, layer: str | None = None, optimizer: bool = False, compute: bool = True) -> Inspection:
    """Inspect a weight file, one tensor in memory at a time, while a thread computes the SHA-256 of the file.

    Of shards it is that of the index and all shards in a row, and is left out where `layer` chooses a part.

    layer: only the layers and tensors that match this pattern: "2", "2.weight", "conv*".
    optimizer: the tensors of the optimizer too.
    compute: read the values; False inspects names and shapes alone, without statistics and findings.

    Raises ConfigError when nothing matches `layer`, WeightFileError when a tensor is damaged.
    """
    tensors = select(weights, layer, optimizer)
    layers = tuple(node for node in list_layers(weights, tensors) if node.tensors or layer is None)
    paths = [Path(file) for file in weights.files]
    size = sum(path.stat().st_size for path in paths) if paths and all(path.is_file() for path in paths) else None
    whole = not weights.shards or layer is None  # of a part of many files, the others stay closed
    with FileDigest(*paths) if size is not None and whole else nullcontext() as digest:
        computed = {(tensor.kind, tensor.name): statistics(tensor) for tensor in tensors} if compute else {}
        sha256 = None if digest is None else digest.result()
    faults = tuple(findings(tensors, computed)) if compute else None
    return Inspection(size, sha256, weights, tensors, layers, computed, faults)
