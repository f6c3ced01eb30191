"""Makes untrusted text safe in a page."""

from html import escape

from cnnkit.files.names import printable


def escape_html(text: str) -> str:
    """Return text as it may stand in a page: its first 200 characters, printable and without markup."""
    return escape(printable(text))
