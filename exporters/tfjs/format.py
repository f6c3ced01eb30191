"""Format "tfjs": models of TensorFlow.js, read only; the values lie in files beside the JSON."""

import re
from pathlib import Path

from cnnkit.exporters.core.format import Format, Priority
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.tfjs.reader import NAME, read_tfjs

_KEYS = re.compile(rb'"(modelTopology|weightsManifest)"\s*:')
_OLD = re.compile(rb'\s*\[\s*\{\s*"(paths|weights)"\s*:')


class TfjsFormat(Format):
    """Reads the weights of `model.json`, layers models and graph models, and of the older `weights_manifest.json`."""

    name = NAME
    suffixes = (".json",)
    priority = Priority.SPECIFIC
    description = "TensorFlow.js: model.json, with --external the values in the files beside it"
    reads = True

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002
        """Return whether the file begins as JSON with a key of such a model, or as a list of groups of weights."""
        return (head.lstrip().startswith(b"{") and _KEYS.search(head) is not None) or _OLD.match(head) is not None

    def read(self, path: Path) -> WeightFile:
        """Return the names of the weights, all under `not_read`. Raises WeightFileError for a damaged manifest."""
        return read_tfjs(path, external=False)

    def read_external(self, path: Path) -> WeightFile:
        """Return the weights. Raises as `read`; what cannot be read is in `not_read` with the reason."""
        return read_tfjs(path, external=True)
