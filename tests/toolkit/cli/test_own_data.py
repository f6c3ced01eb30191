"""Data of a user's own: classes by name, the recipe's shape, and what a weight file tells of the data."""

import json
import shlex
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cnnkit import Model, exporters
from cnnkit.cli.app import run
from cnnkit.cli.data_source import describe_source
from cnnkit.data import from_arrays
from cnnkit.layers import Dense, Flatten, Sequential

NET = """
input_shape = [1, 6, 6]
[training]
epochs = 25
learning_rate = 0.05
batch_size = 4
[[layers]]
type = "Flatten"
[[layers]]
type = "Dense"
features = 3
"""


def write_folder(folder, classes, size=6, count=4):
    """Each class has a bright row of its own, so that a dense layer learns it at once."""
    rows = {"apple": 0, "banana": 2, "cherry": 4, "durian": 5}
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = np.full((size, size), 10 + number, np.uint8)
            pixels[rows.get(name.lstrip("0123456789_"), 3)] = 240
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def fruit(tmp_path_factory):
    """A folder with net.toml, the pictures in imgs/, and fruit.h5, trained on them."""
    folder = tmp_path_factory.mktemp("fruit")
    (folder / "net.toml").write_text(NET)
    write_folder(folder / "imgs", ["apple", "banana", "cherry"])
    command = ["train", "--model", folder / "net.toml", "--data", folder / "imgs", "-o", folder / "fruit.h5", "-q"]
    assert run([str(part) for part in command]) == 0
    return folder


def evaluate(cnnkit, file, data, *options):
    return cnnkit("evaluate", file, "--data", data, "--split", "train", *options)


@pytest.mark.parametrize(
    ("classes", "images", "said"),
    [
        (["1_cherry", "2_apple"], None, "expected some of the network's classes apple, banana, cherry, got 1_cherry"),
        (["banana", "cherry"], 8, "has 2 of the network's 3 classes, not apple"),
        (["apple", "banana", "cherry", "aardvark"], 12, "the network does not know aardvark; its images are left out"),
    ],
)
def test_evaluate_matches_classes_by_name(cnnkit, refused, fruit, folder, classes, images, said):
    data = write_folder(folder / "other", classes)
    if images is None:
        assert said in refused("evaluate", fruit / "fruit.h5", "--data", data, "--split", "train")
        return
    result = evaluate(cnnkit, fruit / "fruit.h5", data, "--json")
    assert said in result.err
    assert (result.json["images"], result.json["accuracy"]) == (images, 1.0)
    assert result.json["unknown_classes"] == [name for name in classes if name == "aardvark"]
    assert [c["name"] for c in result.json["classes"]] == ["apple", "banana", "cherry"]


def test_mistakes_and_predictions_speak_of_the_same_images(cnnkit, fruit, folder):
    """Class aardvark comes first in the folder and is left out; a banana that is filed under cherry is the mistake."""
    data = write_folder(folder / "other", ["aardvark", "banana", "cherry"])
    shutil.copy(data / "banana/0.png", data / "cherry/9.png")
    (mistake,) = evaluate(cnnkit, fruit / "fruit.h5", data, "--json").json["mistakes"]
    assert mistake["index"] == 12
    shown = cnnkit("predict", fruit / "fruit.h5", "--data", data, "--split", "train", "--index", 12, "--show", "none")
    assert "class 1 (banana)" in shown.out
    assert "wrong: it is 2 (cherry)" in shown.out
    unknown = cnnkit("predict", fruit / "fruit.h5", "--data", data, "--split", "train", "--index", 0, "--show", "none")
    assert "wrong: it is aardvark (not one of the network's classes)" in unknown.out
    answer = cnnkit("predict", fruit / "fruit.h5", "--data", data, "--split", "train", "--index", 0, "--json").json
    assert answer["class_names"] == ["apple", "banana", "cherry"]
    assert (answer["predictions"][0]["label"], answer["predictions"][0]["label_name"]) == (None, "aardvark")


def test_a_training_from_a_file_keeps_the_order_of_its_classes(cnnkit, fruit, folder):
    """With other names in the folder the rows of the last layer still mean the same fruit: all right at once."""
    data = write_folder(folder / "other", ["banana", "cherry", "zapple"])
    for picture in (data / "zapple").iterdir():
        shutil.copy(fruit / "imgs/apple" / picture.name, picture)
    command = ("train", "--model", fruit / "net.toml", "--data", data, "--init-from", fruit / "fruit.h5")
    result = cnnkit(*command, "--epochs", 1, "-o", "next.h5", "--json")
    assert "zapple, banana, cherry; zapple takes the place of apple" in result.err
    assert result.json["history"][0]["accuracy"] == 1.0
    assert exporters.read(folder / "next.h5").metadata["class_names"] == ["zapple", "banana", "cherry"]
    again = cnnkit("train", "--model", fruit / "net.toml", "--data", data, "--epochs", 2, "-o", "next.h5", "--resume")
    assert again.status == 0, again.err
    assert evaluate(cnnkit, "next.h5", data, "--json").json["accuracy"] == 1.0


def test_a_recipe_takes_shape_and_classes_from_the_data(cnnkit, fruit):
    result = cnnkit("train", "--recipe", "mini-resnet", "--data", fruit / "imgs", "--epochs", 1)
    assert result.status == 0, result.err
    assert "mini-resnet: takes images of 1 x 6 x 6 (by itself 1 x 28 x 28)" in result.err
    assert "has 3 outputs, one for each class, to fit" in result.err
    described = exporters.read("weights.h5").architecture
    assert described["input_shape"] == [1, 6, 6]
    assert described["layers"][-1]["features"] == 3


def test_a_recipe_that_cannot_take_the_images_says_how_to_change_it(cnnkit, refused, fruit, folder):
    said = refused("train", "--recipe", "lenet5", "--data", fruit / "imgs")
    assert "the images are 1 x 6 x 6, which the recipe lenet5 cannot take" in said
    assert "cnnkit recipes --copy lenet5 > net.toml" in said
    copied = cnnkit("recipes", "--copy", "lenet5")
    (folder / "net.toml").write_text(copied.out)
    assert cnnkit("summary", "--model", "net.toml").status == 0
    assert cnnkit("recipes", "--copy", "lenet5", "--json").json == {"name": "lenet5", "toml": copied.out}


def test_a_network_of_the_user_is_left_as_it_is(refused, fruit, folder):
    data = write_folder(folder / "two", ["apple", "banana"])
    assert "the data have 2 classes, the network's output is (3,)" in refused(
        "train", "--model", fruit / "net.toml", "--data", data
    )
    assert "lenet5" in refused("recipes", "--copy", "lenet")


# ---- what a file tells of its data


def test_a_file_tells_the_name_of_its_data_and_the_way_from_the_file(fruit):
    file = exporters.read(fruit / "fruit.h5")
    assert file.metadata["data"].keys() == {"name", "sha256", "path"}
    assert (file.metadata["data"]["name"], file.metadata["data"]["path"]) == ("imgs", "imgs")
    assert file.metadata["run"]["data"]["name"] == "imgs"
    assert str(fruit) not in json.dumps([file.metadata, file.architecture, file.position])
    assert str(fruit).encode() not in (fruit / "fruit.h5").read_bytes()


def test_a_file_and_its_data_are_found_where_they_were_moved_to(cnnkit, fruit, folder):
    moved = folder / "elsewhere/deep"
    shutil.copytree(fruit, moved)
    result = cnnkit("evaluate", moved / "fruit.h5", "--split", "train", "--json")
    assert result.json["accuracy"] == 1.0
    assert result.err == ""
    (moved / "imgs/apple/3.png").unlink()
    said = cnnkit("evaluate", moved / "fruit.h5", "--split", "train").err
    assert "other images, labels or scaling than in training" in said


def test_data_that_are_not_here_are_named_with_the_places_that_were_looked_at(refused, fruit, folder):
    shutil.copy(fruit / "fruit.h5", folder)
    said = refused("evaluate", "fruit.h5")
    assert (
        "fruit.h5: was trained on imgs, which is not here (looked for ./imgs, and for imgs in CNNKIT_DATA_DIR)" in said
    )
    assert "name the data with --data PATH" in said


def test_data_are_found_by_name_in_the_data_folder(cnnkit, fruit, folder, monkeypatch):
    shutil.copy(fruit / "fruit.h5", folder)
    monkeypatch.setenv("CNNKIT_DATA_DIR", str(fruit))
    assert cnnkit("evaluate", "fruit.h5", "--split", "train").status == 0


def test_a_path_through_the_home_of_a_user_is_not_told(cnnkit, fruit, folder, monkeypatch):
    monkeypatch.setattr("pathlib.Path.home", lambda: folder / "alice")
    data = write_folder(folder / "alice/imgs", ["apple", "banana", "cherry"])
    (folder / "out").mkdir()
    cnnkit("train", "--model", fruit / "net.toml", "--data", data, "--epochs", 1, "-o", "out/w.h5")
    assert exporters.read(folder / "out/w.h5").metadata["data"].keys() == {"name", "sha256"}
    assert b"alice" not in (folder / "out/w.h5").read_bytes()
    (folder / "alice/out").mkdir()
    cnnkit("train", "--model", fruit / "net.toml", "--data", data, "--epochs", 1, "-o", "alice/out/w.h5")
    assert exporters.read(folder / "alice/out/w.h5").metadata["data"]["path"] == "../imgs"


@pytest.mark.parametrize(
    ("home", "data", "out", "path"),
    [
        ("home/anna", "project/imgs", "project/out/w.h5", "../imgs"),
        ("home/anna", "project/imgs", "project/w.h5", "imgs"),
        ("home/anna", "home/anna/a/imgs", "home/anna/b/w.h5", "../a/imgs"),
        ("home/anna", "home/bob/imgs", "home/anna/w.h5", None),
        ("home/anna", "disk/anna/imgs", "disk/w.h5", None),
        ("anna", "imgs", "anna/w.h5", None),
    ],
)
def test_the_way_from_a_file_to_its_data_names_no_user(folder, monkeypatch, home, data, out, path):
    monkeypatch.setattr("pathlib.Path.home", lambda: folder / home)
    (folder / data).mkdir(parents=True)
    dataset = from_arrays(np.zeros((2, 1, 2, 2), np.uint8), [0, 1])
    told = describe_source(str(folder / data), dataset, folder / out)
    assert told == {"name": "imgs", "sha256": dataset.fingerprint()} | ({"path": path} if path else {})


def test_a_file_with_an_absolute_path_is_still_read(cnnkit, refused, fruit, folder):
    """As files were written before: by its last part beside the file; the path itself is opened by --data alone."""
    file = exporters.read(fruit / "fruit.h5")
    stored = file.metadata["run"]["data"] | {"name": str(fruit / "imgs")}
    run_, old = file.metadata["run"] | {"data": stored}, {"name": str(fruit / "imgs"), "sha256": stored["sha256"]}
    file.metadata.update(data=old, run=run_)
    exporters.write(file, folder / "old.h5")
    assert "outside of its folder" in refused("evaluate", "old.h5", "--split", "train")
    command = ("train", "--model", fruit / "net.toml", "--data", fruit / "imgs", "-o", "old.h5")
    assert cnnkit(*command, "--json").json["skipped"]
    file.metadata["data"] = {"name": r"C:\Users\alice\imgs"}
    exporters.write(file, folder / "old.h5", overwrite=True)
    shutil.copytree(fruit / "imgs", folder / "imgs")
    assert cnnkit("evaluate", "old.h5", "--split", "train").status == 0


@pytest.mark.parametrize("path", ["a\0b", "", 5, None, ["x"]])
def test_a_path_that_no_file_of_ours_holds(refused, fruit, folder, path):
    file = exporters.read(fruit / "fruit.h5")
    file.metadata["data"] = {"name": "nowhere", "path": path}
    exporters.write(file, folder / "odd.h5")
    assert "was trained on nowhere, which is not here" in refused("evaluate", "odd.h5")


@pytest.mark.parametrize(
    "path", ["/etc", "../" * 5000, "../imgs", "{}", "link", "link/imgs", "deep/../../imgs", "C:/imgs"]
)
def test_data_outside_of_the_folder_of_a_file_need_to_be_named(cnnkit, refused, fruit, folder, path):
    """A weight file may come from elsewhere: what it names is no reason to open it."""
    shutil.copytree(fruit / "imgs", folder / "imgs")
    (folder / "got/deep").mkdir(parents=True)
    (folder / "got/link").symlink_to(folder / ("imgs" if path == "link" else "."))
    file = exporters.read(fruit / "fruit.h5")
    file.metadata["data"] = {"name": "other", "path": path.format(folder / "imgs")}
    exporters.write(file, folder / "got/w.h5")
    for command in (
        ("evaluate", "got/w.h5", "--split", "train"),
        ("predict", "got/w.h5", "--split", "train", "--index", 0),
        ("export", "got/w.h5", "--activations", 0, "-o", "out.svg"),
        ("train", "--resume", "-o", "got/w.h5", "--epochs", 30),
    ):
        assert "outside of its folder" in refused(*command)
    assert cnnkit("evaluate", "got/w.h5", "--split", "train", "--data", "imgs").status == 0


@pytest.mark.parametrize("path", ["{}", "../{}/imgs", "link"])
def test_data_that_a_model_file_places_elsewhere_need_to_be_named(cnnkit, refused, fruit, folder, path):
    (folder / "link").symlink_to(fruit / "imgs")
    named = path.format(fruit / "imgs" if path == "{}" else fruit.name)
    (folder / "net.toml").write_text(f"data = '{named}'\n{NET}")
    assert "outside of the current folder" in refused("train", "--model", "net.toml")
    assert cnnkit("train", "--model", "net.toml", "--data", fruit / "imgs", "--epochs", 1).status == 0
    shutil.copytree(fruit / "imgs", folder / "imgs")
    (folder / "net.toml").write_text(f"data = './imgs'\n{NET}")
    assert cnnkit("train", "--model", "net.toml", "--epochs", 1, "-o", "inside.h5").status == 0


def test_a_training_whose_data_lie_outside_of_its_folder_tells_commands_that_name_them(cnnkit, fruit, folder):
    shutil.copytree(fruit / "imgs", folder / "imgs")
    (folder / "out").mkdir()
    said = cnnkit("train", "--model", fruit / "net.toml", "--data", "./imgs/", "--epochs", 1, "-o", "out/w.h5").err
    first = said.partition("next: ")[2].strip().split("   ")[0]
    assert cnnkit(*shlex.split(first)[1:]).status == 0


def test_what_reading_the_data_changed_is_said(cnnkit, folder):
    (folder / "set.csv").write_text("label,pixel0\n0,0.0\n1,1.0\n\n")
    assert (
        "pixels are decimal numbers (line 2), 0 to 1: not scaled"
        in cnnkit("data", "show", "set.csv", "--split", "train").err
    )
    shown = cnnkit("data", "show", "set.csv", "--split", "train", "--json").json
    assert shown["notes"] == ["set.csv: pixels are decimal numbers (line 2), 0 to 1: not scaled"]
    (folder / "one.csv").write_text("label,pixel0\n1,0\n2,1\n")
    result = cnnkit("train", "--recipe", "numpy-mlp", "--data", "one.csv", "--epochs", 1)
    assert (
        "one.csv: no training image of class 0, so it cannot be learned; if labels count from 1, subtract 1"
        in result.err
    )


def test_inspect_shows_and_an_anonymous_export_leaves_out_what_a_file_tells_of_its_maker(cnnkit, fruit, folder):
    told = cnnkit("inspect", fruit / "fruit.h5", "--no-stats", "--json").json["maker"]
    assert told.keys() >= {
        "data.name",
        "data.path",
        "run.data.name",
        "provenance.threads",
        "provenance.versions.python",
    }
    assert "of its maker: " in cnnkit("inspect", fruit / "fruit.h5", "--no-stats").out
    result = cnnkit("export", fruit / "fruit.h5", "--anonymous", "-o", folder / "plain.json")
    assert result.status == 0
    assert "left out, as it tells of the maker: " in result.err
    assert "data.path" in result.err
    assert b"imgs" not in (folder / "plain.json").read_bytes()
    assert b"fruit.h5" not in (folder / "plain.json").read_bytes()
    assert cnnkit("inspect", "plain.json", "--json").json["maker"] == {}
    assert evaluate(cnnkit, "plain.json", fruit / "imgs", "--json").json["accuracy"] == 1.0
    again = cnnkit("export", fruit / "fruit.h5", "--anonymous", "-o", folder / "plain.json")
    assert again.status == 0, "an export of the same file is replaced"


def test_a_picture_for_a_net_whose_data_are_elsewhere(cnnkit, fruit, folder):
    shutil.copy(fruit / "fruit.h5", folder)
    result = cnnkit("predict", "fruit.h5", "--image", fruit / "imgs/apple/0.png")
    assert result.status == 0
    assert "the training images are not here: taken to be bright on dark" in result.err


def test_a_class_that_was_renamed_is_another_run(cnnkit, refused, fruit, folder):
    data = write_folder(folder / "data", ["apple", "banana", "cherry"])
    command = ("train", "--model", fruit / "net.toml", "--data", data, "--epochs", 1)
    assert cnnkit(*command, "--json").json["skipped"] is False
    assert cnnkit(*command, "--json").json["skipped"]
    (data / "cherry").rename(data / "cranberry")
    assert "class_names: apple, banana, cherry, now apple, banana, cranberry): " in refused(*command)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "the network names no classes: those of the data are taken by position, 0 is apple"),
        (["apple", "banana"], "the network names its classes not once for each output"),
        (["a", "a", "b"], "the network names its classes not once for each output"),
    ],
)
def test_class_names_of_a_file_that_cannot_be_used(cnnkit, fruit, folder, names, said):
    file = exporters.read(fruit / "fruit.h5")
    exporters.write(replace(file, metadata=file.metadata | {"class_names": names}), folder / "odd.h5")
    result = evaluate(cnnkit, "odd.h5", fruit / "imgs", "--json")
    assert result.json["accuracy"] == 1.0
    assert said in result.err
    shown = cnnkit("predict", "odd.h5", "--data", fruit / "imgs", "--split", "train", "--index", 5, "--show", "none")
    assert "class 1 (banana)" in shown.out


def test_the_command_that_shows_the_mistakes_can_be_typed(cnnkit, fruit, folder):
    data = write_folder(folder / "my pictures", ["banana", "cherry"])
    shutil.copy(data / "banana/0.png", data / "cherry/9.png")
    shown = evaluate(cnnkit, fruit / "fruit.h5", data).out
    command = next(line for line in shown.splitlines() if line.startswith("to see them: "))
    words = shlex.split(command.removeprefix("to see them: cnnkit "))
    assert "class 1 (banana)" in cnnkit(*words).out


def test_a_file_that_a_program_trained_on_arrays_asks_for_data(cnnkit, refused):
    images, labels = np.zeros((4, 3, 3), np.uint8), [0, 1, 0, 1]
    model = Model(Sequential([Flatten(), Dense(2)]), (1, 3, 3))
    model.fit(images, labels, epochs=1)
    model.save("arrays.h5")
    assert "was trained on arrays of a program: name a data set with --data PATH" in refused("evaluate", "arrays.h5")
    np.savez("own.npz", x_train=images, y_train=labels)
    assert cnnkit("evaluate", "arrays.h5", "--data", "own.npz", "--split", "train").status == 0


def test_the_commands_that_a_training_recommends_run_without_a_test_split(cnnkit):
    np.savez("train.npz", x_train=(np.arange(360) % 256).astype(np.uint8).reshape(10, 6, 6), y_train=[0, 1] * 5)
    said = cnnkit("train", "--recipe", "numpy-mlp", "--data", "train.npz", "--epochs", 1).err
    commands = said.partition("next: ")[2].strip().split("   ")
    assert commands[0] == "cnnkit evaluate weights.h5 --split train"
    for command in commands:
        assert cnnkit(*shlex.split(command)[1:]).status == 0, command
