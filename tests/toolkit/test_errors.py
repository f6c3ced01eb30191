import pickle

import pytest

from cnnkit import errors


def test_every_error_is_a_cnnkit_error() -> None:
    found = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert len(found) == 11
    assert all(issubclass(error, errors.CnnkitError) for error in found)
    assert all(error.__name__ in (errors.__doc__ or "") for error in found)


def test_shape_error_gathers_its_path_from_inside_to_outside() -> None:
    error = errors.ShapeError("Conv2D", "expected x of shape (N, 16, H, W), got (32, 784)", "put a Reshape before it")
    assert str(error) == "Conv2D: expected x of shape (N, 16, H, W), got (32, 784): put a Reshape before it"
    outer = error.inside("body").inside("2")
    assert str(outer).startswith("layer 2.body (Conv2D): expected x of shape")
    assert str(error).startswith("Conv2D"), "inside() answers a new error"
    assert str(errors.ShapeError("Dense", "no fit")) == "Dense: no fit"


def test_weight_file_error_carries_what_the_json_of_a_failure_shows() -> None:
    error = errors.WeightFileError("too long", kind="too_big", file="w.h5", format="hdf5", offset=12, hint="cut it")
    assert str(error) == "too long"
    assert (error.kind, error.file, error.format, error.offset, error.hint) == ("too_big", "w.h5", "hdf5", 12, "cut it")
    assert errors.WeightFileError("x").kind == "unreadable"


@pytest.mark.parametrize(
    "error", [errors.ShapeError("Dense", "no fit", path=("1",)), errors.WeightFileError("damaged", file="w.h5")]
)
def test_errors_survive_a_process_boundary(error: errors.CnnkitError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), vars(again)) == (str(error), vars(error))
