"""Trainings as part of the suite: who takes part, the row of each pair, and what is told about them."""

from collections.abc import Iterator, Sequence

from cnnkit.backends.protocol import Backend
from cnnkit.backends.registry import get_backend
from cnnkit.documents import Block, Paragraph, Table
from cnnkit.parity.check import Arena
from cnnkit.parity.results import ParityRow
from cnnkit.parity.trajectories.compare import Trajectory, compare_recipe
from cnnkit.parity.trajectories.plan import TrainingPlan
from cnnkit.parity.trajectories.runner import Contestant
from cnnkit.parity.wording import error_text, judge
from cnnkit.precision import array_dtype

SECTION = "trainings"


def compared(plan: TrainingPlan, dtype: str, arenas: Sequence[Arena], oracle: Backend) -> list[Trajectory]:
    """Return the training of every backend that has the dtype beside the reference's, and beside each other's."""
    judge = Contestant(oracle.name, Arena(oracle, array_dtype(dtype)))
    contestants = [Contestant(arena.backend.name, arena) for arena in arenas if arena.dtype == dtype]
    return compare_recipe(plan, contestants, judge, get_backend("numpy", threads=1), dtype)


def row(trajectory: Trajectory, oracle: Backend) -> ParityRow:
    """Return a trajectory as a row of the report."""
    t = trajectory
    explained = t.dissection.explained if t.dissection else ""
    return ParityRow(
        SECTION, f"training {t.recipe}", "weights", t.one, t.dtype, t.other, t.error, t.bound, t.steps,
        t.words, t.label, explained, t.other == oracle.name,
    )  # fmt: skip


def told(trajectories: Sequence[Trajectory]) -> Iterator[Block]:
    """Yield the table of all trainings, and what is known of those that parted."""
    yield table(trajectories)
    for trajectory in trajectories:
        if not trajectory.passed:
            yield from parted(trajectory)


def table(trajectories: Sequence[Trajectory]) -> Table:
    """Return a line a pair: how far their weights ended apart, beside what one ulp does to one backend alone."""
    headings = ("training", "dtype", "backend", "against", "apart", "moved by an ulp", "bound", "steps", "verdict")
    rows = tuple(
        (
            t.recipe, t.dtype, t.one, t.other, error_text(t.error), "-" if t.nudged is None else error_text(t.nudged),
            f"{t.bound:.1e}", str(t.steps), judge(t.passed),
        )
        for t in trajectories
    )  # fmt: skip
    return Table(headings, rows, "w wwrrrr")


def parted(trajectory: Trajectory) -> Iterator[Block]:
    """Yield where a training left its bound, what differs there side by side, and what explains it."""
    t, cut = trajectory, trajectory.dissection
    yield Paragraph(f"{t.recipe} ({t.label}) in {t.dtype}, {t.one} against {t.other}: {t.words}.")
    if cut is None:
        return
    if cut.beside:
        headings = ("where", "what", f"largest in {t.one}", f"in {t.other}", "error", "bound", "verdict")
        rows = tuple(
            (p.place, p.quantity, f"{p.theirs:.6g}", f"{p.right:.6g}", error_text(p.error), f"{p.bound:.0e}",
             judge(p.passed))
            for p in cut.beside
        )  # fmt: skip
        yield Table(headings, rows, "wwrrrr")
    yield Paragraph(f"Explained by: {cut.explained}.")
