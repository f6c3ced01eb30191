"""Format "json": all of a net as one JSON document."""
