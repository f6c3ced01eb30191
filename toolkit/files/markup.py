"""Makes untrusted text safe in a page or a picture (HTML, SVG)."""

import base64
import hashlib
from html import escape

from cnnkit.files.names import escape_hidden, printable


def escape_html(text: str) -> str:
    """Return text as it may stand in a page: its first 200 characters, printable and without markup."""
    return escape(printable(text))


def escape_whole(text: str) -> str:
    """Return all of a text as it may stand in a page or picture, as an element's text or an attribute's value."""
    return escape(escape_hidden(text))


def build_policy(style: str, script: str | None = None) -> str:
    """Return the content security policy of a page: its style and script, by hash, and its pictures, nothing else."""
    allowed = {"style-src": style} | ({} if script is None else {"script-src": script})
    rules = [f"{kind} 'sha256-{_digest(text)}'" for kind, text in allowed.items()]
    return "; ".join(("default-src 'none'", "img-src data:", *rules, "base-uri 'none'", "form-action 'none'"))


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
