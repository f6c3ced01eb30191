"""What layers give for one picture, as maps that `cnnkit show` draws."""

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from cnnkit.cli.samples import InputSample

if TYPE_CHECKING:
    from cnnkit.exporters import Tensor
    from cnnkit.inspection.unit_maps import UnitMaps
    from cnnkit.model import Model

_AXES = {
    1: ("value",), 2: ("channel", "position"), 3: ("channel", "row", "column"),
    4: ("channel", "slice", "row", "column"),
}  # fmt: skip


def read_feature_maps(model: "Model", pattern: str, sample: InputSample) -> list[tuple["Tensor", "UnitMaps"]]:
    """Return the outputs of the layer at a path, or of all at the top of the network that a pattern matches, as maps.

    Raises ConfigError where no layer matches.
    """
    from cnnkit.contracts import dtype_name
    from cnnkit.explanation.tapping import find_placed, run_tapped
    from cnnkit.exporters import Tensor

    names = [name for name, _, _ in model.network.children(model.input_shape)]
    paths = [name for name in names if fnmatchcase(name, pattern)] or [find_placed(model, pattern, "LAYER").path]
    taps = run_tapped(model, sample.x[None], *paths)
    found = []
    for path in paths:
        y = taps[path].passes[0].y
        for number, part in enumerate(y if isinstance(y, tuple) else (y,)):
            values = model.backend.to_numpy(part)[0].copy()
            name = f"{path}:{number}" if isinstance(y, tuple) else path
            stored = values if dtype_name(part) in ("float32", "float64") else values.astype("float32")
            tensor = Tensor.of(name, stored, layer=path, kind="activation", axes=_AXES.get(values.ndim, ()))
            found.append((tensor, to_maps(values)))
    return found


def to_maps(values: Any) -> "UnitMaps":
    """Return one sample's output as maps: one for each channel (C, H, W), of signals (C, L) a row, of (F,) one row."""
    import numpy as np

    from cnnkit.inspection.unit_maps import UnitMaps

    whole = np.asarray(values, np.float64)
    if whole.ndim == 1:
        return UnitMaps(whole.reshape(1, 1, 1, -1), "tensor", None, False)
    rows = whole.reshape(len(whole), -1, whole.shape[-2] if whole.ndim > 2 else 1, whole.shape[-1])
    return UnitMaps(rows, "channel", 0, True)
