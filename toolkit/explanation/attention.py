"""What of a picture a decision rests on: saliency, Grad-CAM and occlusion, by the network's own backward pass."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from cnnkit.contracts import dtype_name
from cnnkit.errors import ConfigError
from cnnkit.explanation.scored_network import ScoredNetwork, find_scores
from cnnkit.explanation.worked import Floats
from cnnkit.files.names import printable
from cnnkit.layers import Context, Layer
from cnnkit.layers.replacing import replace_layers
from cnnkit.layers.tap import Tap
from cnnkit.network import Network

METHODS = ("grad-cam", "saliency", "occlusion")
_BATCH = 64  # occluded pictures at a time


class Attention(NamedTuple):
    """A heat map (H, W) over the picture for the score of one class.

    score: what the heat explains, of the whole picture: the output before a softmax, for occlusion the class's share.
    layer: of Grad-CAM, "" for the other methods.
    """

    method: str
    decided: int
    score: float
    heat: Floats
    layer: str = ""


def require_picture(model: Network, decided: int | None) -> None:
    """Raise ConfigError unless the network sees one picture and has a class of that number."""
    if model.network.input_count != 1 or len(model.input_shape) != 3:
        raise ConfigError(f"attend: expected a network that sees a picture (C, H, W), its input is {model.input_shape}")
    count = count_classes(model)
    if decided is not None and decided >= count:
        raise ConfigError(f"--class: expected 0 to {count - 1}, got {decided}")


def count_classes(model: Network) -> int:
    """Return how many classes the first output scores: one output may decide between two."""
    outputs = int(_first_shape(model)[0])
    return 2 if outputs == 1 and model.loss.one_for_two else outputs


def measure_saliency(model: Network, x: Any, decided: int) -> Attention:
    """Return the largest magnitude, over the channels, of the score's gradient in each pixel of x (C, H, W).

    Simonyan, Vedaldi and Zisserman 2013, section 3.1.
    """
    scored = find_scores(model)
    score, dx = _run_backward(model, scored, scored.layer, x, decided)
    return Attention("saliency", decided, score, np.abs(dx).max(axis=0))


def compute_grad_cam(model: Network, x: Any, decided: int, path: str | None = None) -> Attention:
    """Return max(0, sum over k of alpha[k] * A[k]), as large as the picture; A are the maps of the layer at `path`.

    alpha[k] is the mean over its places of the score's gradient in A[k]. Selvaraju et al. 2017, equations 1 and 2. By
    default the layer is the last one with more than one place. Maps are enlarged linearly between their centres.

    Raises ConfigError for a layer without maps, or that the score does not depend on.
    """
    scored = find_scores(model)
    chosen = find_last_maps(model, scored.layer) if path is None else path
    taps: list[Tap] = []

    def tap(name: str, layer: Layer) -> Layer | None:
        if name != chosen:
            return None
        taps.append(Tap(layer))
        return taps[0]

    tapped = replace_layers(scored.layer, model.input_shape, tap)
    if not taps:
        raise ConfigError(f"--layer: expected a layer before the scores, got {printable(chosen, 80)}")
    shape = tuple(taps[0].layer.output_shape(_find_input(scored.layer, model.input_shape, chosen)))
    if len(shape) != 3:
        raise ConfigError(f"--layer: expected a layer that gives maps (C, H, W), {printable(chosen, 80)} gives {shape}")
    score, _ = _run_backward(model, scored, tapped, x, decided)
    if not taps[0].gradients:
        raise ConfigError(f"--layer: the score does not depend on {printable(chosen, 80)}: name another layer")
    maps, gradients = (
        np.asarray(model.backend.to_numpy(values)).astype(np.float64)[0]
        for values in (taps[0].passes[0].y, taps[0].gradients[0])
    )
    weights = gradients.mean(axis=(1, 2))
    heat = np.maximum(np.tensordot(weights, maps, axes=1), 0.0)
    _, height, width = model.input_shape
    return Attention("grad-cam", decided, score, enlarge(heat, height, width), chosen)


def measure_occlusion(
    model: Network, x: Any, decided: int, patch: int | None = None, stride: int | None = None
) -> Attention:
    """Return by how much the share of the class falls where a grey square covers the picture x (C, H, W).

    A pixel's heat is the mean over the squares that cover it; grey is the mean of each channel of x. patch: the side of
    a square, by default a quarter of the picture; stride: from one to the next, by default half a patch. Zeiler and
    Fergus 2013, section 4.2.
    """
    _, height, width = x.shape
    side = patch or max(min(height, width) // 4, 1)
    if side > min(height, width):
        raise ConfigError(f"--patch: expected at most {min(height, width)}, the picture's side, got {side}")
    step = stride or max(side // 2, 1)
    if step > side:
        raise ConfigError(f"--stride: expected at most the patch, {side}, or pixels are never covered, got {step}")
    grey = np.asarray(x, np.float64).mean(axis=(1, 2), keepdims=True).astype(x.dtype)
    whole = _share(model, x[None], decided)[0]
    fallen, covered = np.zeros((height, width)), np.zeros((height, width))
    corners = [(top, left) for top in _starts(height, side, step) for left in _starts(width, side, step)]
    for begin in range(0, len(corners), _BATCH):
        part = corners[begin : begin + _BATCH]
        batch = np.repeat(x[None], len(part), axis=0)
        for picture, (top, left) in zip(batch, part, strict=True):
            picture[:, top : top + side, left : left + side] = grey
        for share, (top, left) in zip(_share(model, batch, decided), part, strict=True):
            fallen[top : top + side, left : left + side] += whole - share
            covered[top : top + side, left : left + side] += 1
    return Attention("occlusion", decided, float(whole), fallen / covered)


def find_last_maps(model: Network, layer: Layer) -> str:
    """Return the last layer, before the scores, with more than one place. Raises ConfigError where there is none."""
    found, names = "", [name for name, _, _ in layer.children(model.input_shape)]
    for name, child, shape in layer.children(model.input_shape):
        given: Any = child.output_shape(shape)
        is_maps = len(given) == 3 and not isinstance(given[0], tuple) and given[1] * given[2] > 1
        found = name if is_maps and (name != names[-1] or not found) else found
    if not found:
        raise ConfigError("--method grad-cam: the network has no layer that gives maps (C, H, W): take another method")
    return found


def enlarge(heat: Floats, height: int, width: int) -> Floats:
    """Return a map at another size, linear between the centres of its values, flat beyond the outer ones."""
    rows, columns = (_interpolate(count, size) for count, size in zip(heat.shape, (height, width), strict=True))
    large: Floats = rows @ heat @ columns.T
    return large


def _interpolate(count: int, size: int) -> Floats:
    """Return the matrix (size, count) that makes `size` values of `count`."""
    places = (np.arange(size) + 0.5) * count / size - 0.5
    return np.stack([np.interp(places, np.arange(count), unit) for unit in np.eye(count)], axis=1)


def _find_input(layer: Layer, x_shape: Any, path: str) -> Any:
    name, _, rest = path.partition(".")
    for child, inner, shape in layer.children(x_shape):
        if child == name:
            return _find_input(inner, shape, rest) if rest else shape
    raise KeyError(path)


def _first_shape(model: Network) -> tuple[int, ...]:
    shape: Any = model.output_shape
    first: tuple[int, ...] = shape[0] if isinstance(shape[0], tuple) else shape
    return first


def _run_backward(model: Network, scored: ScoredNetwork, layer: Layer, x: Any, decided: int) -> tuple[float, Floats]:
    """Return (score, dscore/dx) of one picture; the score of maps of classes is the sum over their places."""
    backend = model.backend
    context = Context(backend, half=model.half)
    batch = backend.asarray(np.ascontiguousarray(x[None], model.array_dtype), model.array_dtype)
    with np.errstate(all="ignore"):
        y, cache = layer.forward(context, scored.params, scored.state, batch)
        dy = np.zeros(tuple(y.shape), np.float32)
        sign = -1.0 if y.shape[1] == 1 and decided == 0 and count_classes(model) > 1 else 1.0  # one output for two
        dy[:, min(decided, y.shape[1] - 1)] = sign
        dx, _ = layer.backward(context, scored.params, cache, backend.asarray(dy, dtype_name(y)))
    outputs, gradient = (np.asarray(backend.to_numpy(array)).astype(np.float64) for array in (y, dx))
    return float((outputs * dy).sum()), gradient[0]


def _share(model: Network, batch: Any, decided: int) -> Floats:
    """Return the share of a class for each picture, the mean over places of maps of classes."""
    shares = np.asarray(model.probabilities(batch), np.float64)[:, decided]
    means: Floats = shares.reshape(len(shares), -1).mean(axis=1)
    return means


def _starts(length: int, side: int, step: int) -> Iterator[int]:
    """Yield where squares begin: every `step` pixels, and so that the last pixel is covered."""
    yield from range(0, length - side, step)
    yield length - side
