"""A regular expression as an automaton: a state for each place where it takes a letter, and the ways between them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

_COPIES = 3  # of a part that is repeated a bounded number of times: more show no further kind of ambiguity
_LETTERS = (*range(256), 0x660, 0x2028, 0x4E2D, 0xFF11, 0x1F600)
START, END = 0, 1


@dataclass
class Automaton:
    """States 0 (start) and 1 (end) take no letter; letters: {state: what it takes, a bit for each}.

    ways: {state: {next state: number of ways there without a letter, 2 for more}}; free: those that need no condition
    such as the end of the text.
    """

    letters: dict[int, int] = field(default_factory=dict)
    ways: dict[int, dict[int, int]] = field(default_factory=dict)
    free: dict[int, set[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, pattern: str | bytes, flags: int, *, anywhere: bool) -> "Automaton":
        """Build it; anywhere: the expression is searched, so that a match may begin after any letters."""
        builder = _Builder(pattern, flags)
        return builder.build(anywhere)


class _Builder:
    """Thompson's construction with numbered nodes; nodes with letters become the states."""

    def __init__(self, pattern: str | bytes, flags: int) -> None:
        self._tree = _parser.parse(pattern, flags)
        self._flags = self._tree.state.flags
        self._bytes = isinstance(pattern, bytes)
        first = next(iter(self._tree), None)
        at_begin = (op.AT, op.AT_BEGINNING), (op.AT, op.AT_BEGINNING_STRING)
        self._fixed = first in at_begin and not self._flags & re.MULTILINE
        self._edges: dict[int, list[tuple[int, bool]]] = {START: [], END: []}
        self._letters: dict[int, int] = {}

    def build(self, anywhere: bool) -> Automaton:
        begin = START
        if anywhere and not self._fixed:
            begin = self._node()
            skip = self._take((1 << len(_LETTERS)) - 1, begin)
            self._join(START, begin)
            self._join(skip, begin)
        self._join(self._add(self._tree, begin), END)
        automaton = Automaton(self._letters)
        for state in (START, *self._letters):
            automaton.ways[state], automaton.free[state] = self._find_ways(state)
        return automaton

    def _node(self) -> int:
        self._edges[len(self._edges)] = []
        return len(self._edges) - 1

    def _join(self, source: int, target: int, condition: bool = False) -> None:
        self._edges[source].append((target, condition))

    def _take(self, letters: int, begin: int) -> int:
        node = self._node()
        self._letters[node] = letters
        self._join(begin, node)
        return node

    def _add(self, items: Iterable[tuple[Any, Any]], begin: int) -> int:
        for kind, value in items:
            begin = self._add_item(kind, value, begin)
        return begin

    def _add_item(self, kind: Any, value: Any, begin: int) -> int:
        if kind in (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN):
            return self._take(self._expand(kind, value), begin)
        if kind is op.SUBPATTERN:
            return self._add(value[3], begin)
        if kind is op.ATOMIC_GROUP:
            return self._add(value, begin)
        if kind is op.BRANCH:
            end = self._node()
            for branch in value[1]:
                self._join(self._add(branch, begin), end)
            return end
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            return self._repeat(*value, begin)
        if kind in (op.AT, op.ASSERT, op.ASSERT_NOT):
            end = self._node()
            self._join(begin, end, condition=True)
            return end
        raise NotImplementedError(f"{kind} in a regular expression")

    def _repeat(self, least: int, most: int, body: Any, begin: int) -> int:
        for _ in range(min(least, _COPIES)):
            begin = self._add(body, begin)
        if most == op.MAXREPEAT:
            entry, end = self._node(), self._node()
            self._join(begin, entry)
            self._join(self._add(body, entry), entry)
            self._join(entry, end)
            return end
        end = self._node()
        for _ in range(min(most - least, _COPIES)):
            self._join(begin, end)
            begin = self._add(body, begin)
        self._join(begin, end)
        return end

    def _expand(self, kind: Any, value: Any) -> int:
        """Return the letters that one item takes, as Python's own matcher says."""
        return _match_letters(_to_source(kind, value), self._flags & ~re.DEBUG, self._bytes)

    def _find_ways(self, state: int) -> tuple[dict[int, int], set[int]]:
        ways: dict[int, int] = {}
        free: set[int] = set()
        stack: list[tuple[int, frozenset[tuple[int, int]], bool]] = [(state, frozenset(), False)]
        while stack:
            node, seen, bound = stack.pop()
            for target, condition in self._edges[node]:
                if target in self._letters or target == END:
                    ways[target] = min(ways.get(target, 0) + 1, 2)
                    if not (bound or condition):
                        free.add(target)
                elif (node, target) not in seen:  # a place may be passed twice, as in (a*)*
                    stack.append((target, seen | {(node, target)}, bound or condition))
        return ways, free


def _to_source(kind: Any, value: Any) -> str:
    if kind is op.IN:
        inverse = "^" if value[0][0] is op.NEGATE else ""
        return f"[{inverse}{''.join(_class_parts(value))}]"
    if kind is op.ANY:
        return "."
    return f"[{'^' if kind is op.NOT_LITERAL else ''}{_escape(value)}]"


def _class_parts(items: list[tuple[Any, Any]]) -> Iterator[str]:
    categories = {op.CATEGORY_DIGIT: r"\d", op.CATEGORY_NOT_DIGIT: r"\D", op.CATEGORY_SPACE: r"\s",
                  op.CATEGORY_NOT_SPACE: r"\S", op.CATEGORY_WORD: r"\w", op.CATEGORY_NOT_WORD: r"\W"}  # fmt: skip
    for kind, value in items:
        if kind is op.LITERAL:
            yield _escape(value)
        elif kind is op.RANGE:
            yield f"{_escape(value[0])}-{_escape(value[1])}"
        elif kind is op.CATEGORY:
            yield categories[value]


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 256 else f"\\U{code:08x}"


@cache
def _match_letters(source: str, flags: int, is_bytes: bool) -> int:
    if is_bytes:
        known = re.compile(source.encode("latin-1"), flags)
        return sum(1 << code for code in range(256) if known.fullmatch(bytes((code,))))
    pattern = re.compile(source, flags)
    return sum(1 << at for at, code in enumerate(_LETTERS) if pattern.fullmatch(chr(code)))
