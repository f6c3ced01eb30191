"""The tuner picks the faster way, and notices when that changes."""

import pytest

from cnnkit.backends.numpy_cpu.threads.thread_tuner import COST, TRIALS, ThreadTuner


def follow(tuner: ThreadTuner, threaded: float, single: float, times: int) -> list[bool]:
    """Return what was chosen while one way takes `threaded` seconds and the other one `single`."""
    chosen = []
    for _ in range(times):
        chosen.append(tuner.choose())
        tuner.record(chosen[-1], threaded if chosen[-1] else single)
    return chosen


@pytest.mark.parametrize(("threaded", "single"), [(1.0, 2.0), (2.0, 1.0), (1.0, 1.1), (1.0, 30.0)])
def test_both_ways_are_tried_first_and_the_slower_one_as_rarely_as_it_costs(threaded: float, single: float) -> None:
    times, better = 10_000, threaded < single
    chosen = follow(ThreadTuner(), threaded, single, times)
    assert chosen[: 2 * TRIALS] == [True, False] * TRIALS
    slower = chosen[2 * TRIALS :].count(not better)
    most = times * COST * min(threaded, single) / abs(threaded - single)
    assert 0.7 * most < slower <= most + 1


def test_one_slow_time_changes_nothing() -> None:
    tuner = ThreadTuner()
    follow(tuner, 1.0, 1.5, 2 * TRIALS + 1)
    tuner.record(True, 50.0)
    assert follow(tuner, 1.0, 1.5, 5) == [True] * 5


def test_a_machine_that_gets_busy_is_noticed() -> None:
    tuner = ThreadTuner()
    follow(tuner, 1.0, 1.5, 50)
    assert follow(tuner, 4.0, 1.5, 25)[-1] is False
    assert follow(tuner, 1.0, 1.5, 500)[-2] is True


def test_several_threads_may_choose_at_once() -> None:
    """Both choose before either records a time."""
    tuner = ThreadTuner()
    for _ in range(2 * TRIALS):
        choices = [tuner.choose(), tuner.choose()]
        for threaded in choices:
            tuner.record(threaded, 1.0)
    assert tuner.choose() in (True, False)
