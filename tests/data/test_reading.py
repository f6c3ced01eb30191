import pytest

from cnnkit.data import Reading, Resizing, load
from cnnkit.errors import DataError

FULL = Reading(Resizing(48, 64, "pad"), ("price", "area"), ("rooms",), "HWC", 255)


def test_a_weight_file_keeps_what_was_told():
    stored = FULL.to_json()
    assert stored == {
        "resize": [48, 64, "pad"], "target": ["price", "area"], "columns": ["rooms"], "layout": "HWC", "ignore": 255,
    }  # fmt: skip
    assert Reading.from_json(stored) == FULL
    assert Reading.from_json({}) == Reading()
    assert Reading(numbers=True, sample=(3, 8, 8)).as_entry() == {}


@pytest.mark.parametrize(
    "stored",
    [
        3,
        {"size": 3},
        {"resize": 3},
        {"resize": [64, 64]},
        {"resize": [1 << 40, 64, "crop"]},
        {"resize": [64.0, 64, "crop"]},
        {"resize": [True, 64, "crop"]},
        {"resize": [64, 64, ["crop"]]},
        {"target": "price"},
        {"target": [3]},
        {"target": ["a", "a"]},
        {"target": [""]},
        {"target": list(map(str, range(100_001)))},
        {"columns": {"a": 1}},
        {"layout": "NCHW"},
        {"layout": ["C"]},
        {"ignore": 255.0},
        {"ignore": 1 << 20},
    ],
)
def test_what_a_weight_file_cannot_have_kept_is_refused_in_one_line(stored):
    with pytest.raises(DataError) as caught:
        Reading.from_json(stored)
    assert "\n" not in str(caught.value)


def test_what_was_told_comes_before_what_is_remembered():
    told = Reading(layout="CHW", sample=(1, 8, 8))
    expected = Reading(FULL.resize, FULL.target, ("rooms",), "CHW", 255, sample=(1, 8, 8), remembered=True)
    assert told.over(FULL) == expected
    assert not Reading(target=["price"]).over(FULL).remembered
    assert FULL.only(["layout"]) == Reading(layout="HWC")


def test_what_a_source_has_no_use_for_is_refused_if_told_and_passed_over_if_remembered():
    with pytest.raises(DataError, match="digits: expected pictures, since --resize is given, got arrays of one size"):
        load("digits", Reading(Resizing(8, 8)))
    with pytest.raises(DataError, match=r"digits: expected a table .*: leave --target out"):
        load("digits", Reading(target=["price"]))
    assert load("digits", fallback=FULL).reading == Reading()
