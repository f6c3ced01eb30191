"""Blocks of a model file are written out before a network is built."""

import pytest

from cnnkit.errors import ConfigError
from cnnkit.layers import Conv2D, Dense, Flatten, ReLU, Sequential
from cnnkit.recipes import parse

TOML = """
input_shape = [1, 8, 8]
[blocks.conv]
layers = [{{ type = "Conv2D", features = "$features", window = 3 }}, {{ type = "ReLU" }}]
[blocks.pair]
layers = [{{ type = "Sequential", layers = [{{ block = "conv", features = "$wide" }}] }}]
[[layers]]
{use}
[[layers]]
type = "Flatten"
[[layers]]
type = "Dense"
features = 2
"""


def layers(use: str) -> tuple:
    return parse(TOML.format(use=use), "net.toml").network()[0].layers


def test_a_block_is_replaced_by_its_layers() -> None:
    assert layers('block = "conv"\nfeatures = 4') == (Conv2D(4, 3), ReLU(), Flatten(), Dense(2))


def test_a_block_is_repeated() -> None:
    assert layers('block = "conv"\nfeatures = 4\nrepeat = 2')[:4] == (Conv2D(4, 3), ReLU()) * 2


def test_blocks_use_blocks_and_hand_parameters_on() -> None:
    assert layers('block = "pair"\nwide = 5')[0] == Sequential((Conv2D(5, 3), ReLU()))


@pytest.mark.parametrize(
    ("use", "problem"),
    [
        ('block = "cone"\nfeatures = 4', "expected a block of conv, pair, got 'cone'"),
        ('block = "conv"', r"'\$features' has no value here, those given are: none"),
        ('block = "conv"\nfeatures = 4\nwidth = 3', r"block conv: has no \$width in its layers"),
        ('block = "conv"\nfeatures = 4\nrepeat = 0', "expected repeat as a whole number >= 1, got 0"),
        ('block = "conv"\nfeatures = 4\nrepeat = 9999', "at most 10000 layers"),
        ('block = ["conv"]', "expected a block of conv, pair"),
    ],
)
def test_a_use_that_cannot_be_written_out_is_one_line(use, problem) -> None:
    with pytest.raises(ConfigError, match=problem):
        layers(use)


def test_blocks_inside_each_other_end() -> None:
    endless = 'input_shape = [4]\n[blocks.a]\nlayers = [{ block = "a" }, { block = "a" }]\n[[layers]]\nblock = "a"\n'
    with pytest.raises(ConfigError, match="nested more than 16 deep"):
        parse(endless, "net.toml")
    doubling = "".join(f'[blocks.b{i}]\nlayers = [{{ block = "b{i + 1}", repeat = 100 }}]\n' for i in range(9))
    last = '[blocks.b9]\nlayers = [{ type = "ReLU" }]\n[[layers]]\nblock = "b0"\n'
    with pytest.raises(ConfigError, match="at most 10000 layers"):
        parse("input_shape = [4]\n" + doubling + last, "net.toml")


@pytest.mark.parametrize("blocks", ["blocks = 3", "[blocks]\nconv = 3", '[blocks.conv]\nlayers = "x"'])
def test_blocks_that_are_none_are_one_line(blocks) -> None:
    with pytest.raises(ConfigError, match=r"net.toml: (blocks.conv: )?expected"):
        parse(f'input_shape = [4]\n{blocks}\n[[layers]]\ntype = "ReLU"\n', "net.toml")
