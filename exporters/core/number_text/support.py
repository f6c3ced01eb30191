"""Which tensors the text and JSON formats can hold: those whose element type has a text form."""

from cnnkit.errors import ExportError
from cnnkit.exporters.core.number_text.patterns import WIDTHS
from cnnkit.exporters.core.raw_values import require_rank
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.files.names import printable


def list_unsupported(weights: WeightFile, format_name: str) -> tuple[str, ...]:
    """Return a line for each tensor of another element type."""
    others = [tensor for tensor in weights if tensor.dtype not in WIDTHS]
    return tuple(f"{tensor.kind} {tensor.name}: no {tensor.dtype} in {format_name}" for tensor in others)


def require_supported(weights: WeightFile, format_name: str) -> None:
    """Raise ExportError for a tensor of another element type, or of too many axes."""
    for tensor in weights:
        require_rank(tensor)
        if tensor.dtype not in WIDTHS:
            raise ExportError(f"{tensor.kind} {printable(tensor.name)}: {format_name} has no {tensor.dtype}")
