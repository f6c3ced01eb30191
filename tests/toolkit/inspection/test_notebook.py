from xml.etree import ElementTree

import numpy as np

from cnnkit import exporters
from cnnkit.exporters import NotRead, Tensor, WeightFile
from cnnkit.exporters.notebook import weights_table
from cnnkit.layers import Conv2D, Dense, Flatten, ReLU, Sequential
from cnnkit.model import Model


def test_a_model_shows_layers_and_findings():
    model = Model(Sequential((Conv2D(4, 3), ReLU(), Flatten(), Dense(3))), (1, 8, 8))
    html = model._repr_html_()
    ElementTree.fromstring(html.replace("&times;", "x"))
    assert "<td>0 Conv2D</td><td>4 × 6 × 6</td><td>weight</td><td>4 × 1 × 3 × 3</td><td>36</td>" in html
    assert "<td>1 ReLU</td>" in html
    assert f"{model.parameters:,} parameters" in html
    assert "note: 0.bias: all 4 values are 0: as they are before any training" in html
    assert html.count("<svg") == 4


def test_a_weight_file_reads_nothing():
    def read():
        raise AssertionError("read")

    tensors = tuple(
        Tensor(f"{k}.weight", str(k), "parameter", "weight", ("0",), "float32", (5,), read) for k in range(70)
    )
    file = WeightFile(
        tensors, file="net.h5", format="hdf5", edited=("3.weight",), not_read=(NotRead("links", 2, "no"),)
    )
    html = weights_table(file)
    ElementTree.fromstring(html.replace("<br>", "<br/>"))
    assert "350 parameters in 70 of 70 tensors" in html
    assert html.count("<tr>") == 61
    for note in ("and 10 more tensors", "edited since it was written: 3.weight", "not read: 2 links: no"):
        assert note in html


def test_names_of_strangers_are_text():
    tensor = Tensor.of("<script>\x1b", np.zeros(2), axes=("<b>",))
    html = weights_table(WeightFile((tensor,), file="<i>.h5"))
    assert "<script" not in html
    assert "<b>" not in html.replace("<b>WeightFile", "")
    assert "<i>" not in html
    assert "\x1b" not in html


def test_a_small_net_draws_itself_and_a_large_one_does_not(tmp_path):
    small = Model(Sequential((Conv2D(4, 3), ReLU(), Flatten(), Dense(3))), (1, 8, 8))
    root = ElementTree.fromstring(small._repr_svg_())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert small._repr_svg_() == small.to_weights()._repr_svg_()
    small.save(tmp_path / "net.h5")
    read = exporters.read(tmp_path / "net.h5")
    assert ElementTree.fromstring(read._repr_svg_()).tag == root.tag
    assert "hdf5" in read._repr_html_()
    assert isinstance(read, WeightFile)
    assert Model(Sequential((Flatten(), Dense(400))), (1, 8, 8))._repr_svg_() is None
