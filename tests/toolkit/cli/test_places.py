"""Where a command writes is checked before it reads anything: the files that these commands name are not there."""

import pytest


@pytest.mark.parametrize(
    "words",
    [
        ("summary", "--recipe", "digits-cnn", "-o", "nowhere/net.svg"),
        ("show", "none.h5", "0", "-o", "nowhere/layer.png"),
        ("export", "none.h5", "-o", "nowhere/net.npz"),
        ("inspect", "none.h5", "--html", "nowhere/page.html"),
        ("evaluate", "none.h5", "--plot", "nowhere/roc.svg"),
        ("train", "--data", "none", "--plot", "nowhere/curves.svg"),
        ("parity", "--report", "nowhere/report.md"),
    ],
    ids=lambda words: words[0],
)
def test_a_folder_that_is_not_there(refused, words):
    said = refused(*words)
    assert f"{words[-1]}: its folder does not exist: make it first" in said


def test_a_page_never_replaces_a_file_of_another_kind(refused, folder):
    (folder / "notes.html").write_text("mine")
    assert "no page of cnnkit" in refused("inspect", "none.h5", "--html", "notes.html")
    assert (folder / "notes.html").read_text() == "mine"


def test_the_place_of_the_curves_is_checked_before_a_finished_training_is_reported(refused, trained):
    assert "deep/curves.gif" in refused("train", "--resume", "-o", trained, "--plot", "deep/curves.gif")
    assert "make it first" in refused("train", "--resume", "-o", trained, "--plot", "deep/curves.svg")
