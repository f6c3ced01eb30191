"""Two ways through an expression for one text: what makes a backtracking matcher slow.

After Weber and Seidl, "On the degree of ambiguity of finite automata" (1991): the number of ways grows exponentially
when a state has two ways back to itself with one word, and as a power of the length when two states p and q have p to
p, p to q and q to q with one word.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar

from linear.automaton import END, START, Automaton

Node = TypeVar("Node", bound=Hashable)


def find_slowness(pattern: str | bytes, flags: int = 0, method: str = "search") -> str | None:
    """Return "exponential" or "polynomial" where matching can take more than time in proportion to the text; else None.

    method: that of a compiled pattern: "match", "fullmatch"; any other one searches.
    """
    automaton = Automaton.of(pattern, flags, anywhere=method not in ("match", "fullmatch"))
    loops = _find_loops(automaton)
    settled = set() if method == "fullmatch" else {state for state in automaton.letters if END in automaton.free[state]}
    if any(_has_two_ways_back(automaton, loop, settled) for loop in loops):
        return "exponential"
    reached = {loop: _reach(loop, lambda state: _step(automaton, state)) for loop in loops}
    for first in loops:
        for second in loops:
            if second == first or not second & reached[first]:
                continue
            if any(_leads_over(automaton, first, second, p, q) for p in first for q in second - settled if p != q):
                return "polynomial"
    return None


def _find_loops(automaton: Automaton) -> list[frozenset[int]]:
    """Return the sets of states that reach each other."""
    after = {state: _reach([state], lambda s: _step(automaton, s)) for state in automaton.letters}
    loops = {frozenset(other for other in after[state] if state in after[other]) for state in after}
    return [loop for loop in loops if loop]


def _step(automaton: Automaton, state: int) -> Iterator[int]:
    return (target for target in automaton.ways.get(state, ()) if target not in (START, END))


def _reach(begin: Iterable[Node], step: Callable[[Node], Iterable[Node]]) -> set[Node]:
    """Return what is reached in one step or more."""
    found: set[Node] = set()
    queue = list(begin)
    while queue:
        for target in step(queue.pop()):
            if target not in found:
                found.add(target)
                queue.append(target)
    return found


def _has_two_ways_back(automaton: Automaton, loop: frozenset[int], settled: set[int]) -> bool:
    if loop <= settled:  # wherever it stops, the match is complete
        return False
    for state in loop:
        if any(automaton.ways[state].get(target, 0) > 1 for target in loop):
            return True

    def step(pair: tuple[int, int]) -> Iterator[tuple[int, int]]:
        for a in automaton.ways[pair[0]]:
            for b in automaton.ways[pair[1]]:
                if a in loop and b in loop and automaton.letters[a] & automaton.letters[b]:
                    yield a, b

    for state in loop:
        apart = {pair for pair in _reach([(state, state)], step) if pair[0] != pair[1]}
        if any((state, state) in _reach([pair], step) for pair in apart):
            return True
    return False


def _leads_over(automaton: Automaton, first: frozenset[int], second: frozenset[int], p: int, q: int) -> bool:
    """Return whether one word leads from p to p, from p to q and from q to q."""
    letters, ways = automaton.letters, automaton.ways

    def step(triple: tuple[int, int, int]) -> Iterator[tuple[int, int, int]]:
        for a in ways[triple[0]]:
            if a not in first:
                continue
            for c in ways[triple[2]]:
                if c not in second or not letters[a] & letters[c]:
                    continue
                for b in ways[triple[1]]:
                    if b != END and letters[a] & letters[b] & letters[c]:
                        yield a, b, c

    return (p, q, q) in _reach([(p, p, q)], step)
