"""P1 to P5 and P13: training steps against hand-written PyTorch and a Rust program, in turns.

    python benchmarks/training.py [--rounds 9] [--threads 1 2] [--only P1 P4]

Each contestant has its own process, restarted twice, and the same images, batch size, dtype and number of threads. A
figure is the speed of cnnkit relative to the better of PyTorch's two memory layouts in the same round. Beside it: the
rate of cnnkit's step in GFLOP/s, that of a matrix product in the same rounds, and torch.compile, if a C++ compiler is
installed.

P1 lecture-cnn, P2 lenet5, P3 diy-cnn, P4 scratch-mlp on the NumPy backend, "drawn" a random net; P5 and P5b the first
two on the PyTorch backend. P14 and P14b: resnet50 on images of 224 x 224, adopted from its ONNX file.
"""

import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from arguments import parser, positive
from rows import Row, cores, format_values, table
from turns import Contestant, compete, ratios
from worker import GEMM_SIZE
from workloads import workload

# id: (our backend, workload, aim)
CONTESTS = {
    "P1": ("numpy", "lecture-cnn", 1.0),
    "P2": ("numpy", "lenet5", 1.0),
    "P3": ("numpy", "diy-cnn", 2.0),
    "P4": ("numpy", "scratch-mlp", 4.0),
    "P5": ("torch", "lecture-cnn", 1.0),
    "P5b": ("torch", "lenet5", 1.0),
    "drawn": ("numpy", "drawn:20260", 1.0),
    "P14": ("numpy", "resnet50", 0.9),
}
GENERATIONS = 3  # of processes


def contest(name: str, threads: int, rounds: int) -> list[Row]:
    """Return the rows of one contest: cnnkit and its peers in turns."""
    kind, work_name, aim = CONTESTS[name]
    work = workload(work_name)
    task: dict[str, Any] = {"work": work_name, "threads": threads}
    tasks = {"ours": task | {"kind": kind}, "pytorch": task | {"kind": "pytorch"}}
    if "mlp" not in work_name:
        tasks["channels_last"] = task | {"kind": "pytorch channels_last"}
    if shutil.which("g++") and not work.adopted:
        tasks["compile"] = task | {"kind": "pytorch compile"}
    tasks["gemm"] = task | {"kind": "gemm"}
    results = compete(tasks, rounds, GENERATIONS)
    ours, eager = results["ours"], [results[peer] for peer in ("pytorch", "channels_last") if peer in results]
    rate, best = work.flops / ours.median() / 1e9, 2 * GEMM_SIZE**3 / results["gemm"].median() / 1e9
    seconds = ours.median()
    beside = {
        "a step": f"{1e3 * seconds:.3g} ms", "images/s": f"{work.batch_size / seconds:,.0f}",
        "GFLOP/s": f"{rate:.1f} of the {best:.0f} of a matrix product",
    }  # fmt: skip
    if "compile" in results:
        beside["against torch.compile"] = format_values(ratios(ours, [results["compile"]]))
    what = f"{work_name}, batch {work.batch_size}, {work.optimizer}, {kind} backend"
    best_of = "PyTorch, eager" + (", better of two layouts" if len(eager) > 1 else "")
    rows = [Row(name, what, best_of, ratios(ours, eager), aim=aim, threads=threads, cpu=ratios(ours, eager, "cpu"),
                beside=beside)]  # fmt: skip
    if name in ("P1", "P14"):
        peaks = [ours.median("peak"), min(peer.median("peak") for peer in eager)]
        note = {"MB": f"{peaks[0] / 1e6:.0f} against {peaks[1] / 1e6:.0f}"}
        share = [peaks[0] / peaks[1]]
        rows.append(
            Row(
                "P13" if name == "P1" else "P14b",
                "memory of that step",
                best_of,
                share,
                "times as much",
                1.0,
                False,
                threads,
                beside=note,
            )
        )
    return rows


def against_rust(rounds: int) -> list[Row]:
    """Return P3 against a Rust program that trains sample by sample on one core; cnnkit in batches of 32."""
    compiler = shutil.which("rustc")
    if compiler is None:
        print("P3 against Rust: rustc is not installed")
        return []
    samples = 4000
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "diy_cnn")
        subprocess.run([compiler, "-O", str(Path(__file__).with_name("diy_cnn.rs")), "-o", str(program)], check=True)
        rust = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert rust.stdin is not None
        assert rust.stdout is not None
        ours = Contestant({"work": "diy-cnn", "kind": "numpy", "threads": 1})
        ours.warm_up()
        theirs, ratio = [], []
        for _ in range(rounds + 1):
            print(samples, file=rust.stdin, flush=True)
            theirs.append(float(rust.stdout.readline()) / samples)
            ours.turn()
            ratio.append(theirs[-1] / (ours.turns[-1]["wall"] / 32))
        rust.communicate()
        ours.close()
    return [Row("P3b", "diy-cnn, batch 32, sgd, numpy backend", "Rust, sample by sample", ratio[1:], aim=2.0, threads=1,
                beside={"images/s of Rust": f"{1 / statistics.median(theirs):,.0f}"})]  # fmt: skip


def measure(rounds: int, threads: list[int], only: list[str]) -> list[Row]:
    """Return the rows of the contests."""
    rows: list[Row] = []
    for name in only:
        for count in dict.fromkeys(threads if name != "P4" else [1]):
            print(f"{name}, {CONTESTS[name][1]}, threads {count} ...", end=" ", flush=True)
            started = time.perf_counter()
            rows += contest(name, count, rounds)
            print(f"{time.perf_counter() - started:.0f} s", flush=True)
    return rows + (against_rust(rounds) if "P3" in only else [])


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=positive, default=9, help="rounded up to a multiple of 3")
    arguments.add_argument("--threads", type=positive, nargs="+", default=[1, cores()], help="P4 always runs on one")
    arguments.add_argument("--only", nargs="+", default=list(CONTESTS), choices=list(CONTESTS))
    options = arguments.parse_args()
    print("\n" + table(measure(options.rounds, options.threads, options.only)))


if __name__ == "__main__":
    main()
