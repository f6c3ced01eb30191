"""Every hostile HDF5 file of tests/hostile: read or refused in a line, and this process lives on."""

import numpy as np
import pytest
from hostile.hdf5_content import CONTENTS
from hostile.hdf5_damage import DAMAGES
from hostile.hdf5_files import CASES, build

from cnnkit import data, exporters
from cnnkit.errors import CnnkitError
from cnnkit.files.hdf5.request import list_protections
from cnnkit.files.hdf5.worker_process import WORKER

_SLOW = ("many_links", "longer_chunk", "tree_sibling_ring")  # in all three variants


def read(path, door):
    """Return the status that the first command of the door has, and the line."""
    try:
        if door == "data":
            data.load(str(path)).train.take(np.arange(2))
        else:
            for tensor in exporters.read(path):
                tensor.read()
    except CnnkitError as error:
        return 2, str(error)
    return 0, ""


@pytest.mark.parametrize("variant", ["foreign", "own", "data"])
def test_hostile_files(tmp_path, variant):
    path, ends = tmp_path / "a.h5", {0: 0, 2: 0}
    for case in CASES:
        if not case.name.endswith(f"_{variant}.h5") or (variant != "foreign" and any(n in case.name for n in _SLOW)):
            continue
        case.write(path)
        status, line = read(path, case.door)
        assert status in case.statuses, (case.name, line)
        assert "\n" not in line, case.name
        assert all(character.isprintable() for character in line), case.name
        ends[status] += 1
    assert min(ends.values()) > 8
    list_protections()  # the worker is there, or there again
    assert WORKER._process is not None


def test_the_corpus_is_what_it_says():
    assert len(CASES) > 200
    assert len({case.name for case in CASES}) == len(CASES)
    assert len({damage.name for damage in DAMAGES} | {content.name for content in CONTENTS}) == len(DAMAGES) + len(
        CONTENTS
    )


@pytest.mark.parametrize("variant", ["foreign", "own", "data"])
@pytest.mark.parametrize("modern", [False, True])
def test_the_files_without_damage_are_read(tmp_path, variant, modern):
    (tmp_path / "a.h5").write_bytes(build(variant, modern))
    assert read(tmp_path / "a.h5", "data" if variant == "data" else "weights") == (0, "")
