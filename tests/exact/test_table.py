"""The committed hashes, recomputed: one for each training, on every backend, by every kernel, thread and worker."""

import re

import pytest

from exact.arrangements import NUMPY_WITHOUT_AVX, TORCH_WITHOUT_AVX, Arrangement
from exact.cases import CASES, LONG, SHORT, train
from exact.table import ADVICE, find_changes, read_table

TABLE = read_table()
IN_THIS_PROCESS = [(backend, name) for backend in ("numpy", "torch") for name in CASES]
IN_THIS_PROCESS += [("reference", "digits-mlp"), ("reference", "signal"), ("cupy-sim", "digits-mlp")]


def require_same(found: dict[str, str]) -> None:
    changes = find_changes(found, SHORT, TABLE)
    assert not changes, "; ".join([*changes, ADVICE])


def hash_case(name: str, backend: str, **options) -> dict[str, str]:
    from cnnkit.training.fingerprint import fingerprint

    return {name: fingerprint(train(CASES[name].begin(backend, **options), SHORT))}


def test_the_table_has_each_case_twice() -> None:
    assert TABLE.keys() == CASES.keys()
    hashes = [digest for entries in TABLE.values() for digest in entries.values()]
    assert all(entries.keys() == {str(SHORT), str(LONG)} for entries in TABLE.values())
    assert len(set(hashes)) == 2 * len(CASES)
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in hashes)


@pytest.mark.parametrize(("backend", "name"), IN_THIS_PROCESS)
def test_backends_give_the_hashes_of_the_table(backend, name) -> None:
    require_same(hash_case(name, backend))


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("options", [{"threads": 2}, {"leaf": 4}], ids=["threads", "leaves"])
def test_threads_and_leaves_change_no_bit(backend, options) -> None:
    require_same(hash_case("signal", backend, **options))


@pytest.mark.parametrize("arrangement", [NUMPY_WITHOUT_AVX, TORCH_WITHOUT_AVX], ids=["numpy", "torch"])
def test_kernels_of_an_old_processor_change_no_bit(arrangement) -> None:
    require_same(arrangement.run(SHORT, ["digits-cnn", "signal"]))


def test_workers_change_no_bit() -> None:
    """Of three that share 16 samples, one batch of two for the denoiser, and the last batch of 9."""
    require_same(Arrangement("MPI", workers=3).run(SHORT, ["digits-cnn", "signal", "denoiser"]))
