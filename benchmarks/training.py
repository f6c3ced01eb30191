"""P1 to P5 and P13: training steps against hand-written PyTorch and a Rust program, in turns.

    python benchmarks/training.py [--rounds 7] [--threads 1 2] [--only P1 P4] [--compile] [--json FILE]

Each contestant has a process of its own, the same images, batch size, dtype and number of threads. A figure is how many
times as fast we were as the best of the peers in the same round: median (smallest to largest). Beside it: the same by
CPU time, the rate of our step in GFLOP/s, and its share of what a matrix product reaches in the same rounds.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from turns import Contestant, compete, ratios, shown
from worker import GEMM_SIZE
from workloads import workload

# id: (our backend, workload, target)
CONTESTS = {
    "P1": ("numpy", "lecture-cnn", 1.0),
    "P2": ("numpy", "lenet5", 1.0),
    "P3": ("numpy", "diy-cnn", 2.0),
    "P4": ("numpy", "scratch-mlp", 4.0),
    "P5 lecture-cnn": ("torch", "lecture-cnn", 1.0),
    "P5 lenet5": ("torch", "lenet5", 1.0),
    "drawn net": ("numpy", "drawn:20260", 1.0),
}
HEAD = "| | threads | we take | speed against the best PyTorch | by CPU time | GFLOP/s | of GEMM | memory | target |"


def contest(name: str, threads: int, rounds: int, compiled: bool) -> dict[str, Any]:
    """Let ours and the peers of one contest take turns; return what came of it, ready for JSON."""
    kind, work_name, target = CONTESTS[name]
    work = workload(work_name)
    task = {"work": work_name, "threads": threads}
    tasks = {"ours": task | {"kind": kind}, "pytorch": task | {"kind": "pytorch"}}
    if len(work.input_shape) == 3 and "mlp" not in work_name:
        tasks["channels_last"] = task | {"kind": "pytorch channels_last"}
    if compiled:
        tasks["compile"] = task | {"kind": "pytorch compile"}
    tasks["gemm"] = task | {"kind": "gemm"}
    found = compete(tasks, rounds)
    eager = [found[peer] for peer in ("pytorch", "channels_last") if peer in found]
    rate = work.flops / found["ours"].median() / 1e9
    best = 2 * GEMM_SIZE**3 / found["gemm"].median() / 1e9
    result = {
        "contest": name, "threads": threads, "target": target, "microseconds": 1e6 * found["ours"].median(),
        "images_per_second": work.batch_size / found["ours"].median(),
        "wall": ratios(found["ours"], eager), "cpu": ratios(found["ours"], eager, "cpu"),
        "gflops": rate, "gemm_gflops": best,
        "memory": found["ours"].median("peak") / max(1, min(peer.median("peak") for peer in eager)),
        "turns": {who: contestant.turns for who, contestant in found.items()},
    }  # fmt: skip
    if compiled:
        result["against_compile"] = ratios(found["ours"], [found["compile"]])
    return result


def line(result: dict[str, Any]) -> str:
    """Return a row of the table."""
    return (
        f"| {result['contest']} | {result['threads']} | {result['images_per_second']:,.0f} images/s "
        f"| {shown(result['wall'])} | {shown(result['cpu'])} | {result['gflops']:.1f} "
        f"| {100 * result['gflops'] / result['gemm_gflops']:.0f} % of {result['gemm_gflops']:.0f} "
        f"| {result['memory']:.2f} | {result['target']:g} |"
    )


def against_rust(rounds: int) -> str:
    """P3's other peer, which takes one sample at a time on one core; we take batches of 32 on one thread."""
    compiler = shutil.which("rustc")
    if compiler is None:
        return "P3 against Rust: no rustc here"
    samples = 4000
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "diy_cnn")
        subprocess.run([compiler, "-O", str(Path(__file__).with_name("diy_cnn.rs")), "-o", str(program)], check=True)
        rust = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ours = Contestant({"work": "diy-cnn", "kind": "numpy", "threads": 1})
        ours.warm_up()
        found = []
        for _ in range(rounds + 1):
            assert rust.stdin is not None
            assert rust.stdout is not None
            print(samples, file=rust.stdin, flush=True)
            theirs = float(rust.stdout.readline()) / samples
            ours.turn()
            found.append(theirs / (ours.turns[-1]["wall"] / 32))
        rust.communicate()
        ours.close()
    return f"P3 against Rust, sample by sample, one core each: {shown(sorted(found[1:]))} times as fast, target 2"


def main() -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, cores])
    parser.add_argument("--only", nargs="+", default=list(CONTESTS), choices=list(CONTESTS))
    parser.add_argument("--compile", action="store_true", help="torch.compile as a further peer")
    parser.add_argument("--json", type=Path, default=Path("build/bench/training.json"))
    options = parser.parse_args()
    print(HEAD + "\n" + "| --- " * HEAD.count(" |") + "|", flush=True)
    results = []
    for name in options.only:
        for threads in dict.fromkeys(options.threads if name != "P4" else [1]):
            results.append(contest(name, threads, options.rounds, options.compile))
            print(line(results[-1]), flush=True)
            if options.compile:
                print(f"|   against torch.compile | | | {shown(results[-1]['against_compile'])} |", flush=True)
    if "P3" in options.only:
        print("\n" + against_rust(options.rounds))
    missed = [r["contest"] for r in results if statistics.median(r["wall"]) < r["target"]]
    print(f"\ntargets missed: {', '.join(dict.fromkeys(missed)) or 'none'}")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(results, indent=1), "utf-8")
    print(f"wrote {options.json}")


if __name__ == "__main__":
    main()
