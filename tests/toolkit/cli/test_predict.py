import numpy as np
import pytest
from PIL import Image, ImageDraw

from cnnkit import Model, data


def test_json_has_the_keys_that_scripts_rely_on(cnnkit, trained):
    answer = cnnkit("predict", trained, "--index", 3, "--index", 0, "--json").json["predictions"]
    assert [p["index"] for p in answer] == [3, 0]
    for p in answer:
        assert p.keys() >= {"index", "label", "predicted", "probabilities", "outputs"}
        assert sum(p["probabilities"]) == pytest.approx(1, abs=1e-5)
        assert p["predicted"] == int(np.argmax(p["outputs"]))
    digits, model = data.load("digits"), Model.load(trained)
    x, labels = digits.batch("test", [3, 0])
    assert [p["label"] for p in answer] == labels.tolist()
    np.testing.assert_allclose([p["outputs"] for p in answer], model.outputs(x), atol=1e-6)


def test_people_see_the_picture_the_class_and_whether_it_is_right(cnnkit, trained):
    result = cnnkit("predict", trained)
    lines = result.out.splitlines()
    assert lines[0] == "digits, test image 0"
    assert len(lines[1]) == 16
    assert "██" in "".join(lines[1:9])
    assert lines[9].startswith("class ")
    assert "right" in lines[9] or "wrong: it is" in lines[9]
    assert len([line for line in lines[10:] if line.strip()]) == 5


def test_a_mistake_is_called_wrong(cnnkit, trained):
    index = cnnkit("evaluate", trained, "--json").json["mistakes"][0]["index"]
    assert "wrong: it is" in cnnkit("predict", trained, "--index", index).out


def test_show(cnnkit, trained):
    shown = cnnkit("predict", trained, "--show", "hex").out.splitlines()
    assert len(shown[1].split()) == 8
    assert " ." in shown[1]
    assert cnnkit("predict", trained, "--show", "none").out.splitlines()[1].startswith("class ")


def test_two_classes_from_one_output(cnnkit, binary):
    answer = cnnkit("predict", binary, "--index", 0, "--index", 9, "--json").json
    assert answer["class_names"] == ["dark", "bright"]
    assert [len(p["outputs"]) for p in answer["predictions"]] == [1, 1]
    assert [len(p["probabilities"]) for p in answer["predictions"]] == [2, 2]
    assert "(dark)" in cnnkit("predict", binary).out


def test_the_training_part(cnnkit, trained):
    assert "digits, train image 1400" in cnnkit("predict", trained, "--split", "train", "--index", 1400).out


def drawn(digit, ground=255, ink=0, size=(300, 200), at=(40, 30)):
    """Return a picture of a digit of the test set, drawn eight times as large, off the middle."""
    strength = np.kron(digit / 16, np.ones((12, 12)))
    page = np.full(size[::-1], float(ground))
    page[at[1] : at[1] + 96, at[0] : at[0] + 96] += strength * (ink - ground)
    return Image.fromarray(page.astype(np.uint8))


def test_a_picture_is_inverted_cropped_scaled_and_centred_and_it_says_so(cnnkit, trained):
    images, _ = data.load("digits").test.take([0])
    drawn(images[0, 0]).save("black.png")
    drawn(images[0, 0], ground=0, ink=255).save("white.png")
    black, white = (cnnkit("predict", trained, "--image", name, "--json") for name in ("black.png", "white.png"))
    assert "inverted (its background is bright" in black.err
    assert "inverted" not in white.err
    for result in (black, white):
        for word in ("300 x 200 pixels", "cropped to its content of", "scaled to", "centred by mass in 8 x 8"):
            assert word in result.err
        assert result.err.count("\n") == 1
        (answer,) = result.json["predictions"]
        assert answer["index"] is answer["label"] is None
    one, other = (result.json["predictions"][0]["outputs"] for result in (black, white))
    np.testing.assert_allclose(one, other, atol=0.05)


def test_what_the_net_saw_is_shown(cnnkit, trained):
    page = Image.new("L", (100, 100), 250)
    ImageDraw.Draw(page).line((20, 10, 20, 90), fill=20, width=10)
    page.save("one.png")
    lines = cnnkit("predict", trained, "--image", "one.png").out.splitlines()
    assert lines[0] == "one.png, as the network sees it"
    rows = lines[1:9]
    assert len({row.index("█") for row in rows}) == 1, "an upright line"
    assert 4 <= rows[0].index("█") <= 10, "in the middle"


def test_a_picture_of_the_networks_size_is_taken_as_it_is(cnnkit, trained):
    images, _ = data.load("digits").test.take([5])
    Image.fromarray((images[0, 0] / 16 * 255).astype(np.uint8)).save("same.png")
    result = cnnkit("predict", trained, "--image", "same.png", "--index", 5, "--json")
    assert result.err == "same.png: 8 x 8 pixels\n"
    picture, image = result.json["predictions"]
    np.testing.assert_allclose(picture["probabilities"], image["probabilities"], atol=0.02)


def test_transparent_paper_is_white(cnnkit, trained):
    page = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    ImageDraw.Draw(page).line((32, 8, 32, 56), fill=(0, 0, 0, 255), width=8)
    page.save("clear.png")
    assert "inverted" in cnnkit("predict", trained, "--image", "clear.png").err


def test_a_net_for_bright_and_dark_images_gets_pictures_uninverted(cnnkit, binary):
    Image.new("L", (50, 50), 255).save("bright.png")
    result = cnnkit("predict", binary, "--image", "bright.png", "--json")
    assert result.err == "bright.png: 50 x 50 pixels, scaled to 8 x 8\n"


def test_an_empty_picture_is_no_defect(cnnkit, trained):
    Image.new("L", (40, 30), 255).save("empty.png")
    result = cnnkit("predict", trained, "--image", "empty.png", "--json")
    assert result.status == 0
    assert all(np.isfinite(result.json["predictions"][0]["outputs"]))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--index", 360), "0 to 359"),
        (("--index", -1), "--index"),
        (("--image", "nope.png"), "nope.png"),
        (("--image", "."), "picture"),
        (("--show", "nope"), "--show"),
        (("--data", "bright-dark"), "some of the network's classes 0, 1, 2"),
        (("--backend", "nope"), "numpy"),
    ],
)
def test_wrong_options_are_refused_in_one_line(refused, trained, options, said):
    assert said in refused("predict", trained, *options)


def test_a_file_that_is_no_picture_is_refused(refused, trained):
    assert "weights.h5" in refused("predict", trained, "--image", trained)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("command", ["predict", "predict --image", "evaluate"])
def test_weights_that_are_not_finite_are_named_in_one_line(trained, refused, folder, value, command):
    model = Model.load(trained)
    model.params["0"]["weight"][0, 0, 1, 1] = value
    model.save(folder / "broken.h5")
    Image.new("L", (8, 8), 128).save(folder / "grey.png")
    command, *option = command.split()
    line = refused(command, "broken.h5", *option, *(["grey.png"] if option else []))
    assert "the score of class 0 is nan: 1 of " in line
    assert f"values of 0.weight are not finite, the first is {value}: cnnkit inspect lists them" in line


def test_outputs_that_overflow_are_refused_in_one_line(trained, refused, folder):
    model = Model.load(trained)
    name, weight = next((n, p) for n, p in reversed(model.params.items()) if "weight" in p)
    model.params[name]["weight"] = weight["weight"] * 0 + 3e38
    model.save(folder / "large.h5")
    assert "all weights are finite, but too large for this image" in refused("predict", "large.h5")
