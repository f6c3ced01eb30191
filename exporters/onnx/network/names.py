"""Names and texts of a graph, of bounded length."""

from cnnkit.exporters.core.protobuf_head import BYTES
from cnnkit.exporters.onnx.wire import Field, Source, raise_damaged
from cnnkit.files.limits import require_few

_LONGEST = 1 << 14  # bytes; the longest names that exporters write are paths of modules


def read_name(source: Source, field: Field) -> str:
    """Return the text of a field. Raises UnsafeFileError when it is none, or longer than any name."""
    if field.wire != BYTES:
        raise_damaged(f"field {field.number} is not text", field.start)
    require_few(field.stop - field.start, _LONGEST, "bytes in one name")
    return source.text(field)
