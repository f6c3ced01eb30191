"""Photographs that phones and cameras make are read, however well they are compressed."""

import numpy as np
import pytest

from cnnkit.data.picture import read_header

PIL = pytest.importorskip("PIL.Image")


@pytest.mark.parametrize("suffix", ["webp", "jpg"])
def test_a_photograph_of_usual_quality(tmp_path, suffix):
    path, noise = tmp_path / f"a.{suffix}", np.random.default_rng(0).integers(100, 115, (512, 512), dtype=np.uint8)
    PIL.fromarray(np.tile(noise, (4, 5))).convert("RGB").save(path, quality=80, method=0)
    pixels = 2560 * 2048
    header = read_header(path)
    assert header.width * header.height == pixels
