import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cnnkit.backends.numpy_cpu.capture import memory as memories
from cnnkit.backends.numpy_cpu.capture.memory import SMALL, Memory, empty_like

SHAPE = (SMALL // 4, 3)


def place(array) -> int:
    return array.__array_interface__["data"][0]


def test_memory_is_lent_again_when_the_array_is_gone() -> None:
    memory = Memory()
    first = memory.empty(SHAPE, "float32")
    where = place(first)
    second = memory.empty(SHAPE, "float32")
    assert not np.shares_memory(first, second)
    del first
    assert place(memory.empty(SHAPE, "float32")) == where
    assert place(memory.empty((3, SMALL // 4), "float32")) == where  # the same number of bytes


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x[1:],
        lambda x: x.T,
        lambda x: x.reshape(-1)[::2],
        lambda x: x.T.T[:, 1],
        lambda x: x.view("int32"),
        lambda x: np.ndarray(x.shape, x.dtype, x),
        lambda x: np.frombuffer(x, "float32"),
        memoryview,
        np.asarray,
        lambda x: np.lib.stride_tricks.as_strided(x, (5, 5), (4, 4)),
        lambda x: np.broadcast_to(x, (2, *x.shape)),
        iter,
    ],
)
def test_memory_is_not_lent_again_while_anything_looks_at_it(view) -> None:
    memory = Memory()
    array = memory.empty(SHAPE, "float32")
    where = place(array)
    seen = view(array)
    del array
    other = memory.empty(SHAPE, "float32")
    assert place(other) != where
    del seen
    assert place(memory.empty(SHAPE, "float32")) == where


def test_a_tensor_of_pytorch_keeps_the_memory() -> None:
    torch = pytest.importorskip("torch")
    memory = Memory()
    array = memory.empty(SHAPE, "float32")
    where = place(array)
    tensor = torch.from_numpy(array)[1:]
    del array
    assert place(memory.empty(SHAPE, "float32")) != where
    del tensor
    assert place(memory.empty(SHAPE, "float32")) == where


def test_memory_begins_at_a_line_of_the_cache_and_holds_the_shape() -> None:
    memory = Memory()
    for shape, dtype in [((7, 9, 1001), "float64"), ((100_003,), "uint8"), ((3, 2), "float32"), ((0, 5), "float32")]:
        array = memory.empty(shape, dtype)
        assert (array.shape, array.dtype) == (shape, np.dtype(dtype))
        assert array.nbytes < SMALL or place(array) % memories.ALIGNMENT == 0
        array[...] = 1


def test_no_more_than_so_much_free_memory_is_kept(monkeypatch) -> None:
    monkeypatch.setattr(memories, "MOST_FREE", 3 * SMALL)
    memory = Memory()
    arrays = [memory.empty((SMALL,), "uint8") for _ in range(5)]
    places = {place(array) for array in arrays}
    arrays.clear()
    reused = [memory.empty((SMALL,), "uint8") for _ in range(3)]
    assert {place(array) for array in reused} <= places
    assert not any(memory._free.values())


def test_threads_are_never_lent_the_same_memory() -> None:
    memory, start = Memory(), threading.Barrier(4)

    def work(mark: int) -> bool:
        start.wait()
        right = True
        for _ in range(300):
            arrays = [memory.empty(SHAPE, "float32") for _ in range(3)]
            for array in arrays:
                array.fill(mark)
            right &= all((array == mark).all() for array in arrays)
        return right

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


def test_like_another_array_means_its_order_in_memory_too() -> None:
    memory = Memory()
    x = np.zeros((2, 3, 4, 5), "float32").transpose(3, 0, 1, 2)
    like = empty_like(memory, x)
    assert (like.shape, like.strides) == (x.shape, x.strides)
    longer = empty_like(memory, x, (9, 2, 3, 4))
    assert longer.shape == (9, 2, 3, 4)
    assert longer.transpose(1, 2, 3, 0).flags.c_contiguous
