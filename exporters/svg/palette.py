"""Colours of levels in light and dark, colour-blind safe (orange to blue), and the style sheet."""

from collections.abc import Iterator

from cnnkit.exporters.svg.scale import NAN, NEGATIVE_INFINITY, POSITIVE_INFINITY, STEPS
from cnnkit.files.png import Colour

_RGB = tuple[int, int, int]
# The poles of dark are those of light at 1.4 times the brightness: a CSS filter turns one heat map into the other.
_LIGHT: tuple[_RGB, _RGB, _RGB] = ((0xC8, 0x5A, 0x00), (0xF7, 0xF7, 0xF7), (0x00, 0x5A, 0xB5))
_DARK: tuple[_RGB, _RGB, _RGB] = ((0xFF, 0x7E, 0x00), (0x26, 0x2B, 0x33), (0x00, 0x7E, 0xFD))
_BRIGHTNESS = 1.4
_LEVELS = [level for level in range(-STEPS, STEPS + 1) if level]

_VARIABLES = {  # name: light, dark
    "paper": ("#ffffff", "#14171c"),
    "ink": ("#16191d", "#eceff3"),
    "soft": ("#58606b", "#a3adba"),
    "line": ("#b9c0c9", "#4a525e"),
    "faint": ("#e6e9ed", "#2b313a"),
    "zero": ("#f7f7f7", "#262b33"),
    "negative": ("#c85a00", "#ff7e00"),
    "positive": ("#005ab5", "#007efd"),
}

_RULES = """
.paper{fill:paper}
text{fill:ink;font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;white-space:pre}
.h1{font-size:20px;font-weight:600}
.h2{font-size:14px;font-weight:600}
.b{font-weight:600}
.s{fill:soft}
.v{font-size:11px;text-anchor:middle;pointer-events:none}
.k{fill:#16191d}
.w{fill:#ffffff}
.m{text-anchor:middle}
.r{text-anchor:end}
.z{fill:zero;stroke:line}
.i,.photo{image-rendering:pixelated}
.inf{fill:ink}
.rule{stroke:faint;fill:none}
.flow{stroke:line;fill:none}
.tip{fill:line}
.glyph{fill:paper;stroke:soft}
.behind{fill:faint}
.cells{stroke:soft;fill:none}
.window{fill:faint;stroke:ink}
.spot{fill:ink}
.key{stroke:line}
.tick{stroke:soft}
.en{stroke:negative;fill:none}
.ep{stroke:positive;fill:none}
.e{pointer-events:none}
.port{stroke:line}
.plane{fill:zero;stroke:line}
.u:hover>.z,.u:hover .z{stroke:ink}
svg:has(.n:hover) .n:not(:hover) .e{opacity:.04}
"""


def css_class(level: int) -> str:
    """Return the class that fills a cell of that level."""
    return "z0" if not level else f"{'p' if level > 0 else 'q'}{abs(level)}"


def text_class(level: int) -> str:
    """Return the class of text that is legible on that level: dark or white, in light and in dark."""
    return f"v t{_needs_black(level, _LIGHT):d}{_needs_black(level, _DARK):d}"


def style_sheet() -> str:
    """Return the CSS. A plain colour precedes each variable, for renderers without variables."""
    variables = [";".join(f"--{name}:{pair[i]}" for name, pair in _VARIABLES.items()) for i in (0, 1)]
    levels = ["".join(_write_level_rules(theme)) for theme in (_LIGHT, _DARK)]
    rules = _RULES.strip()
    for name, (light, _) in _VARIABLES.items():
        for key in ("fill", "stroke"):
            rules = rules.replace(f"{key}:{name}", f"{key}:{light};{key}:var(--{name})")
    text = "".join(f".t{a}{b}{{fill:{'#16191d' if a else '#ffffff'}}}" for a in (0, 1) for b in (0, 1))
    dark_text = "".join(f".t{a}{b}{{fill:{'#16191d' if b else '#ffffff'}}}" for a in (0, 1) for b in (0, 1))
    return (
        f"svg{{{variables[0]};color-scheme:light dark}}\n{rules}\n{levels[0]}\n{text}\n"
        f"@media(prefers-color-scheme:dark){{svg{{{variables[1]}}}\n{levels[1]}\n{dark_text}\n"
        f".i{{filter:brightness({_BRIGHTNESS})}}}}\n"
    )


def image_palette() -> list[Colour]:
    """Return the colours of heat maps: transparent between maps, the poles in 63 strengths, NaN, infinity."""
    strengths = [(*(_LIGHT[0] if level < 0 else _LIGHT[2]), round(255 * abs(level) / STEPS)) for level in _LEVELS]
    return [(0, 0, 0, 0), (*_LIGHT[1], 0), *strengths, (0xB7, 0x00, 0xB7, 255), (0x80, 0x80, 0x80, 255)]


def image_indices() -> dict[int, int]:
    """Return {level: index into `image_palette`}."""
    return {
        0: 1,
        **{level: index + 2 for index, level in enumerate(_LEVELS)},
        NAN: len(_LEVELS) + 2,
        POSITIVE_INFINITY: len(_LEVELS) + 3,
        NEGATIVE_INFINITY: len(_LEVELS) + 3,
    }


def _write_level_rules(theme: tuple[_RGB, _RGB, _RGB]) -> Iterator[str]:
    for level in range(-STEPS, STEPS + 1):
        yield f".{css_class(level)}{{fill:#{bytes(_mix(level, theme)).hex()}}}"


def _mix(level: int, theme: tuple[_RGB, _RGB, _RGB]) -> list[int]:
    pole, share = theme[0] if level < 0 else theme[2], abs(level) / STEPS
    return [round(zero + (end - zero) * share) for zero, end in zip(theme[1], pole, strict=True)]


def _needs_black(level: int, theme: tuple[_RGB, _RGB, _RGB]) -> bool:
    """Return whether black has more contrast than white on that level (WCAG 2 relative luminance)."""
    if abs(level) > STEPS:
        return theme is _LIGHT
    parts = [part / 255 for part in _mix(level, theme)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return (luminance + 0.05) / 0.06 > 1.05 / (luminance + 0.05)
