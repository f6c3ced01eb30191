"""A tensor's maps as an image."""

import numpy as np

from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.exporters.svg.scale import scale_of
from cnnkit.inspection.layer_svg import describe_scale
from cnnkit.inspection.mosaic import GAP, draw_mosaic, encode_uri
from cnnkit.inspection.unit_maps import read_unit_maps

_PICTURE = 640  # pixels wide, about
_STRIP = 64  # a longer row of numbers is folded


def draw_maps(tensor: Tensor, image: tuple[int, ...] | None) -> str | None:
    """Return a tensor's maps as an <img> with the meaning of its colours; None for a tensor that cannot be drawn."""
    maps = read_unit_maps(tensor, image)
    if maps is None:
        return None
    scale = scale_of(maps.values)
    pixels = draw_mosaic(maps, scale).pixels
    if pixels.shape[0] == 1 and pixels.shape[1] > _STRIP:
        rows = -(-pixels.shape[1] // _STRIP)
        pixels = np.pad(pixels[0], (0, rows * _STRIP - pixels.shape[1]), constant_values=GAP).reshape(rows, _STRIP)
    factor = max(min(_PICTURE // pixels.shape[1], 16), 1)
    size = f'width="{pixels.shape[1] * factor}" height="{pixels.shape[0] * factor}"'
    word = maps.word if maps.axis is not None else "tensor"
    return (
        f'<p class="soft">{maps.values.shape[0]:,} {word}{"s" if maps.values.shape[0] != 1 else ""}, one scale: '
        f'{describe_scale(scale)}</p><div class="scroll"><img class="k" {size} alt="weights as colours" '
        f'src="{encode_uri(pixels)}"></div>'
    )
