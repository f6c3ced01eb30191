"""Where a command writes is checked before it reads anything: the files that these commands name are not there."""

import os

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


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("train", "--data", "input.h5", "-o", "input.h5", "--overwrite"), "--data"),
        (("train", "--data", "input.h5", "--log", "./input.h5"), "--data"),
        (("train", "--init-from", "input.h5", "--log", "link.jsonl"), "--init-from"),
        (("train", "--model", "input.h5", "--log", "hard.jsonl"), "--model"),
        (("train", "--model", "hard.svg", "--plot", "hard.svg"), "--model"),
        (("evaluate", "none.h5", "--data", "hard.svg", "--plot", "hard.svg"), "--data"),
        (("summary", "hard.svg", "-o", "hard.svg", "--overwrite"), "FILE"),
        (("export", "none.h5", "--model", "input.h5", "-o", "hard.npz", "--overwrite"), "--model"),
    ],
)
def test_what_a_command_reads_is_not_where_it_writes(refused, folder, words, option):
    place = folder / "input.h5"
    place.write_bytes(b"precious")
    (folder / "link.jsonl").symlink_to(place)
    for name in ("hard.jsonl", "hard.svg", "hard.npz"):
        (folder / name).hardlink_to(place)
    assert f"is {option} itself" in refused(*words)
    assert place.read_bytes() == b"precious"


def test_a_log_and_curves_replace_nothing_else(refused, folder):
    (folder / "mine.csv").write_text("label,pixel0\n")
    words = ("train", "--recipe", "bright-dark", "--epochs", "1", "-o", "w.h5")
    assert "holds something else than a table of epochs" in refused(*words, "--log", "mine.csv")
    (folder / "mine.jsonl").write_text("label,pixel0\n")
    assert "holds something else than lines of JSON" in refused(*words, "--log", "mine.jsonl")
    assert (folder / "mine.csv").read_text() == "label,pixel0\n"
    (folder / "curves.svg").symlink_to("w.h5")
    assert "--plot: expected a file of its own" in refused(*words, "--plot", "curves.svg")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file")
def test_a_umask_that_hides_new_files_is_noticed_before_the_training(refused):
    before = os.umask(0o777)
    try:
        assert "Permission denied" in refused("train", "--recipe", "bright-dark", "-o", "w.h5")
    finally:
        os.umask(before)
