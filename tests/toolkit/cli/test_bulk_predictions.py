import csv
import io

import numpy as np
import pytest
from PIL import Image

from cnnkit import Model, data


def read(text):
    return list(csv.reader(io.StringIO(text)))


def test_a_csv_without_labels_becomes_the_table_that_kaggle_wants(cnnkit, trained, tmp_path):
    digits, model = data.load("digits"), Model.load(trained)
    raw = digits.test.take(np.arange(300))[0].reshape(300, -1)
    header = ",".join(f"{r}x{c}" for r in range(1, 9) for c in range(1, 9))
    np.savetxt(tmp_path / "test.csv", raw, "%d", ",", header=header, comments="")
    result = cnnkit("predict", trained, "--data", "test.csv", "-o", "submission.csv")
    assert result.status == 0, result.err
    rows = read((tmp_path / "submission.csv").read_text("utf-8"))
    x, _ = digits.batch("test", np.arange(300))
    assert rows == [["ImageId", "Label"], *([str(k), str(c)] for k, c in enumerate(model.predict(x), 1))]


def test_scores_of_all_classes_under_names_of_my_own(cnnkit, trained, tmp_path):
    names = ["id", *(f"p{k}" for k in range(10))]
    answer = cnnkit("predict", trained, "-o", "all.csv", "--probabilities", "--columns", ",".join(names), "--json").json
    assert answer["columns"] == names
    rows = read((tmp_path / "all.csv").read_text("utf-8"))
    digits, model = data.load("digits"), Model.load(trained)
    x, _ = digits.batch("test", np.arange(len(digits.test)))
    assert rows[0] == names
    assert answer["rows"] == len(rows) - 1 == len(digits.test)
    told = np.array([row[1:] for row in rows[1:]], np.float32)
    np.testing.assert_allclose(told, model.probabilities(x), atol=1e-6)


def test_pictures_are_called_by_their_files_and_two_classes_by_their_names(cnnkit, binary, tmp_path):
    for name, grey in (("dark", 20), ("bright", 220)):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        Image.new("L", (8, 8), grey).save(tmp_path / "pictures" / name / f"{name}1.png")
    cnnkit("predict", binary, "--data", "pictures", "-o", "out.csv", "--columns", "file,class")
    rows = read((tmp_path / "out.csv").read_text("utf-8"))
    model = Model.load(binary)
    decided = model.predict(np.array([np.full((1, 8, 8), grey / 255, "f4") for grey in (220, 20)]))
    names = [("dark", "bright")[k] for k in decided]
    assert rows == [["file", "class"], ["bright/bright1.png", names[0]], ["dark/dark1.png", names[1]]]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--columns", "a,b"], "give -o OUT.csv too"),
        (["--probabilities"], "give -o OUT.csv too"),
        (["-o", "x.txt"], "ends with .csv"),
        (["-o", "x.csv", "--index", "1"], "leave --index out"),
        (["-o", "x.csv", "--columns", "a"], "expected 2 names, as ImageId,Label, got 1"),
        (["-o", "x.csv", "--columns", "a,a"], "each name once"),
    ],
)
def test_what_cannot_be_is_one_line(cnnkit, trained, tmp_path, words, says):
    result = cnnkit("predict", trained, *words)
    assert result.status == 2
    assert says in result.err
    assert result.err.count("\n") == 1
    assert not (tmp_path / "x.csv").exists()


def test_a_table_that_is_there_is_kept(cnnkit, trained, tmp_path):
    (tmp_path / "mine.csv").write_text("a", "utf-8")
    assert "--overwrite" in cnnkit("predict", trained, "-o", "mine.csv").err
    assert (tmp_path / "mine.csv").read_text("utf-8") == "a"
