"""The error about a file that must not or cannot be read, whatever its container."""

from cnnkit.errors import CnnkitError


class UnsafeFileError(CnnkitError):
    """A file that is damaged (kind "unreadable") or breaks a rule for untrusted files ("refused", "too_big")."""

    def __init__(self, message: str, kind: str = "unreadable") -> None:
        super().__init__(message)
        self.kind = kind
