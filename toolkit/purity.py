"""Which parts of a step are pure: they depend on their arguments and fields alone, and have no side effects.

A step of pure parts may be captured: its Python runs a few times, and from then on the recorded work on arrays is
repeated without it. cnnkit's own parts are pure; a class from elsewhere declares it by `pure = True`.
"""

from dataclasses import fields, is_dataclass
from typing import Any, ClassVar


class Part:
    """Base of layers, losses, optimizers and schedules.

    external: its class was written outside cnnkit, so what it returns is checked.
    """

    pure: ClassVar[bool] = False
    external: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.external = cls.__module__.partition(".")[0] != "cnnkit"
        if "pure" not in vars(cls):
            cls.pure = not cls.external


def impurity(*parts: Part) -> str | None:
    """Return why a step of these parts must run in full at each call, None if it may be captured."""
    for part in parts:
        if not part.pure:
            name = type(part).__name__
            return f"{name} does not say that it is pure: set pure = True in its class if it is (docs/networks.md)"
        reason = impurity(*inner_parts(part))
        if reason is not None:
            return reason
    return None


def inner_parts(part: Part) -> list[Part]:
    """Return the parts among the values of a part's fields, also inside tuples."""
    whole: Any = part
    names = [field.name for field in fields(whole)] if is_dataclass(whole) else [*getattr(part, "__dict__", {})]
    values = [getattr(part, name) for name in names]
    candidates = [inner for value in values for inner in (value if isinstance(value, tuple) else (value,))]
    return [inner for inner in candidates if isinstance(inner, Part)]
