"""The quicker of two ways is found, and found again when it changes."""

import pytest

from cnnkit.backends.numpy_cpu.threads.thread_tuner import COST, TRIALS, Quicker


def follow(quicker: Quicker, shared: float, alone: float, times: int) -> list[bool]:
    """Return what was chosen while one way takes `shared` seconds and the other one `alone`."""
    chosen = []
    for _ in range(times):
        chosen.append(quicker.shared())
        quicker.took(chosen[-1], shared if chosen[-1] else alone)
    return chosen


@pytest.mark.parametrize(("shared", "alone"), [(1.0, 2.0), (2.0, 1.0), (1.0, 1.1), (1.0, 30.0)])
def test_both_ways_are_tried_first_and_the_slower_one_as_rarely_as_it_costs(shared: float, alone: float) -> None:
    times, better = 10_000, shared < alone
    chosen = follow(Quicker(), shared, alone, times)
    assert chosen[: 2 * TRIALS] == [True, False] * TRIALS
    again = chosen[2 * TRIALS :].count(not better)
    most = times * COST * min(shared, alone) / abs(shared - alone)
    assert 0.7 * most < again <= most + 1


def test_one_slow_time_changes_nothing() -> None:
    quicker = Quicker()
    follow(quicker, 1.0, 1.5, 2 * TRIALS + 1)
    quicker.took(True, 50.0)
    assert follow(quicker, 1.0, 1.5, 5) == [True] * 5


def test_a_machine_that_gets_busy_is_noticed() -> None:
    quicker = Quicker()
    follow(quicker, 1.0, 1.5, 50)
    assert follow(quicker, 4.0, 1.5, 25)[-1] is False
    assert follow(quicker, 1.0, 1.5, 500)[-2] is True


def test_several_threads_may_ask_at_once() -> None:
    """Both ask before either of them has told how long it took."""
    quicker = Quicker()
    for _ in range(2 * TRIALS):
        asked = [quicker.shared(), quicker.shared()]
        for shared in asked:
            quicker.took(shared, 1.0)
    assert quicker.shared() in (True, False)
