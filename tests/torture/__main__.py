"""Run the trials and print the scoreboard: `make torture`, or `python -m torture --only NAME --count N`."""

import argparse
import importlib.util
import json
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from torture.trial import Budget, Trial
from torture.trials import load_trials

_TOOLS = {"gcc": "gcc", "strace": "strace"}
_SHOWN = 20


def main() -> int:
    """Return 0 when every trial reached its aim, 1 when one did not."""
    options = _read_options()
    trials = [trial for trial in load_trials() if not options.only or trial.name in options.only]
    unknown = set(options.only or ()) - {trial.name for trial in trials}
    if unknown or not trials:
        print(f"no trial {', '.join(sorted(unknown))}; there are {', '.join(t.name for t in load_trials())}")
        return 2
    rows = []
    for trial in trials:
        rows.append(_run(trial, options))
        print(_describe(rows[-1]), flush=True)
        for fault in rows[-1]["faults"][:_SHOWN]:
            print(f"    {fault}")
    if options.json:
        document = {"machine": _describe_machine(), "rows": rows}
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    return 1 if any(row["faults"] for row in rows) else 0


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("torture", description=__doc__)
    parser.add_argument("--only", action="append", metavar="NAME", help="this trial; may be given again")
    parser.add_argument("--form", choices=("short", "usual", "long"), default="usual", help="how many attempts")
    parser.add_argument("--count", type=int, help="attempts of each trial, instead of those of the form")
    parser.add_argument("--seconds", type=float, default=300.0, help="the most that one trial may take")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the scoreboard there too")
    return parser.parse_args()


def _run(trial: Trial, options: argparse.Namespace) -> dict[str, Any]:
    row: dict[str, Any] = {"name": trial.name, "title": trial.title, "aim": trial.aim}
    missing = [need for need in trial.needs if not has_need(need)]
    if missing:
        return row | {"missing": missing, "attempts": 0, "faults": [], "figures": {}, "seconds": 0.0}
    count = options.count or getattr(trial, options.form)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        found = trial.run(Budget(options.seconds, count, Path(folder), options.seed))
    seconds = round(time.monotonic() - started, 1)
    return row | {
        "attempts": found.attempts,
        "faults": found.faults,
        "figures": found.figures,
        "seconds": seconds,
        "command": f"python -m torture --only {trial.name} --count {count} --seed {options.seed}",
    }


def has_need(need: str) -> bool:
    if need == "linux":
        return sys.platform == "linux"
    if need in _TOOLS:
        return shutil.which(_TOOLS[need]) is not None
    return importlib.util.find_spec(need) is not None


def _describe(row: dict[str, Any]) -> str:
    if row.get("missing"):
        return f"{row['name']}: not run: {', '.join(row['missing'])} is not here"
    figures = "; ".join(f"{what} {value}" for what, value in row["figures"].items())
    said = f"{row['name']}: {len(row['faults'])} faults in {row['attempts']:,} attempts, {row['seconds']} s"
    return f"{said}{'; ' + figures if figures else ''} (aim: {row['aim']})"


def _describe_machine() -> str:
    return f"{platform.system()} {platform.release()}, {platform.machine()}, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
