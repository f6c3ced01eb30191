"""Loss scaling: float16 loses gradients below 6e-8, so the loss is multiplied by a number that adapts to them."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array, Backend
from cnnkit.tree import Tree, leaves, map_leaves, rebuild

START = 2.0**16
GROW_AFTER = 2000  # steps in a row whose gradients are finite
LARGEST = 2.0**127  # that float32 holds
SMALLEST = 2.0**-14  # below it float16 has no normal numbers left for the scaled gradients


@dataclass(frozen=True)
class LossScale:
    """What the loss of the next step is multiplied by; Micikevicius et al. 2018, with torch.amp.GradScaler's numbers.

    scale    halved by a step whose gradients are not finite, doubled by the GROW_AFTER-th in a row whose are
    good     steps in a row since the scale last changed
    skipped  steps whose gradients were not finite: they changed nothing but the scale
    """

    scale: float = START
    good: int = 0
    skipped: int = 0

    def after(self, finite: bool) -> "LossScale":
        """Return the scale after a step whose gradients were finite, or were not."""
        if not finite:
            return LossScale(self.scale / 2, 0, self.skipped + 1)
        if self.good + 1 < GROW_AFTER:
            return LossScale(self.scale, self.good + 1, self.skipped)
        return LossScale(min(self.scale * 2, LARGEST), 0, self.skipped)


def scale_gradient(dy: Any, scale: Any) -> Any:
    """Return the gradient in the outputs, a tuple for several, of `scale` times the loss."""
    return tuple(part * scale for part in dy) if isinstance(dy, tuple) else dy * scale


def unscale(backend: Backend, grads: Tree, scale: Any) -> tuple[Tree, Array]:
    """Return (grads / scale, whether all of them are finite, as a 0-d array on the device)."""
    total = backend.sum(backend.pack(leaves(grads)[0]) * 0)  # 0 times what is not finite is NaN
    return map_leaves(lambda g: g * (1 / scale), grads), total == 0


def keep_unless(backend: Backend, finite: Any, moved: Any, kept: Any) -> Any:
    """Return the variables that a step has moved, holding those of `kept` where its gradients were not finite."""
    arrays, structure = leaves(moved)
    pairs = zip(arrays, leaves(kept)[0], strict=True)
    return rebuild(structure, [backend.assign(new, backend.where(finite, new, old)) for new, old in pairs])
