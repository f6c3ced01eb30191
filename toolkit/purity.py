"""Which parts of a step are pure: what they return depends on their arguments and fields alone, and is all they do.

A step whose parts all are may be captured: its Python runs a few times, and then what it did to the arrays is done
again without it. Of cnnkit's own parts it is known; another one says so of itself by `pure = True` in its class.
"""

from typing import ClassVar


class Part:
    """Base of layers, losses and optimizers."""

    pure: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "pure" not in vars(cls):
            cls.pure = cls.__module__.partition(".")[0] == "cnnkit"


def impurity(*parts: Part) -> str | None:
    """Return why a step of these parts must run in full at each call, None where it need not."""
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
    values = vars(part).values() if hasattr(part, "__dict__") else ()
    candidates = [inner for value in values for inner in (value if isinstance(value, tuple) else (value,))]
    return [inner for inner in candidates if isinstance(inner, Part)]
