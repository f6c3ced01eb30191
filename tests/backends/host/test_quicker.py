"""The quicker of two ways is found, and found again when it changes."""

from cnnkit.backends.host.quicker import AGAIN, TRIALS, Quicker


def follow(quicker: Quicker, shared: float, alone: float, times: int) -> list[bool]:
    """Return what was chosen while one way takes `shared` seconds and the other one `alone`."""
    chosen = []
    for _ in range(times):
        chosen.append(quicker.shared())
        quicker.took(chosen[-1], shared if chosen[-1] else alone)
    return chosen


def test_both_ways_are_tried_first_and_the_slower_one_rarely_after() -> None:
    for times, better in (((1.0, 2.0), True), ((2.0, 1.0), False)):
        chosen = follow(Quicker(), *times, 10 * AGAIN)
        assert chosen[: 2 * TRIALS] == [True, False] * TRIALS
        rest = chosen[2 * TRIALS :]
        assert rest.count(not better) == 9
        assert rest[AGAIN - 2 * TRIALS] is not better


def test_one_slow_time_changes_nothing() -> None:
    quicker = Quicker()
    follow(quicker, 1.0, 1.5, 2 * TRIALS + 1)
    quicker.took(True, 50.0)
    assert follow(quicker, 1.0, 1.5, 5) == [True] * 5


def test_a_machine_that_gets_busy_is_noticed() -> None:
    quicker = Quicker()
    follow(quicker, 1.0, 1.5, 2 * AGAIN)
    assert follow(quicker, 4.0, 1.5, AGAIN)[-1] is False
    assert follow(quicker, 1.0, 1.5, 20 * AGAIN)[-2] is True


def test_several_threads_may_ask_at_once() -> None:
    """Both ask before either of them has told how long it took."""
    quicker = Quicker()
    for _ in range(2 * TRIALS):
        asked = [quicker.shared(), quicker.shared()]
        for shared in asked:
            quicker.took(shared, 1.0)
    assert quicker.shared() in (True, False)
