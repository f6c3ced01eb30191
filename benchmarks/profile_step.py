"""Where the time of a training step on the NumPy backend goes.

    python benchmarks/profile_step.py lecture-cnn                  the calls of a recorded step, by function and shapes
    python benchmarks/profile_step.py lecture-cnn --how lines      the step as it is, line by line (line_profiler)
    python benchmarks/profile_step.py scratch-mlp --how tree       the same as a tree of calls (pyinstrument)

One thread. The workloads: lecture-cnn, lenet5, diy-cnn, scratch-mlp, and drawn:SEED, a net drawn at random.
"""

import time
from collections import defaultdict
from collections.abc import Callable

import numpy as np
from arguments import parser, positive
from runners import Run, ours
from workloads import known, workload

from cnnkit.backends.numpy_cpu import numpy_backend
from cnnkit.backends.numpy_cpu.capture import replay, tracer
from cnnkit.backends.numpy_cpu.capture.program import Program
from cnnkit.backends.numpy_cpu.kernels import composites, convolution, pooling, products, windows
from cnnkit.backends.numpy_cpu.threads.blas_threads import single_threaded_blas

LINES = (composites, convolution, pooling, products, windows)


def record(name: str) -> Program:
    """Return the program of the workload's step."""
    programs: list[Program] = []

    class KeptProgram(Program):
        def __init__(self) -> None:
            super().__init__()
            programs.append(self)

    tracer.Program, replay.LONGEST, replay.CALLS_IF_LONG = KeptProgram, float("inf"), replay.CALLS_IF_QUICK
    ours(workload(name), "numpy", 1)(replay.CALLS_IF_QUICK + replay.PROOFS + 2)
    if not programs:
        raise SystemExit(f"{name}: its step was not recorded")
    return programs[-1]


def calls(name: str, rounds: int, rows: int) -> None:
    """Print the calls of the recorded step, those together that do the same to arrays of the same shapes."""
    program, seconds, counts = record(name), defaultdict(float), defaultdict(int)
    for _ in range(rounds):
        for function, arguments in program.calls:
            started = time.perf_counter()
            function(*arguments)
            taken = time.perf_counter() - started
            shapes = tuple(f"{array.dtype}{list(array.shape)}" for array in arguments if isinstance(array, np.ndarray))
            kind = (getattr(function, "__name__", type(function).__name__), shapes)
            seconds[kind] += taken / rounds
            counts[kind] += 1
    print(f"{name}: {len(program.calls)} calls, {1e3 * sum(seconds.values()):.3f} ms")
    for kind in sorted(seconds, key=seconds.__getitem__, reverse=True)[:rows]:
        print(f"{1e3 * seconds[kind]:9.3f} ms {counts[kind] // rounds:5} x {kind[0]:12} {' '.join(kind[1])}")


def eager(name: str) -> Run:
    """Return run(steps) of the step as it is, warmed up."""
    numpy_backend.NumpyBackend.captures = False
    run = ours(workload(name), "numpy", 1)
    run(3)
    return run


def lines(name: str, rounds: int) -> None:
    from line_profiler import LineProfiler

    run, profiler = eager(name), LineProfiler()
    for module in LINES:
        profiler.add_module(module)
    profiler.runcall(run, rounds)
    profiler.print_stats(output_unit=1e-3, stripzeros=True)


def tree(name: str, rounds: int) -> None:
    from pyinstrument import Profiler

    run = eager(name)
    with Profiler(interval=1e-4) as profiler:
        run(rounds)
    print(profiler.output_text(unicode=True, show_all=True))


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("work", type=known)
    arguments.add_argument("--how", choices=("calls", "lines", "tree"), default="calls")
    arguments.add_argument("--rounds", type=positive, default=20)
    arguments.add_argument("--rows", type=positive, default=30)
    options = arguments.parse_args()
    how: dict[str, Callable[[], None]] = {
        "calls": lambda: calls(options.work, options.rounds, options.rows),
        "lines": lambda: lines(options.work, options.rounds),
        "tree": lambda: tree(options.work, options.rounds),
    }
    with single_threaded_blas(), np.errstate(all="ignore"):
        how[options.how]()


if __name__ == "__main__":
    main()
