"""The long form: trains all cases in every arrangement of this machine, and compares all hashes with the table."""

import argparse
import sys
import time

from exact.arrangements import list_arrangements
from exact.cases import CASES, LONG, SHORT, train
from exact.first_difference import report
from exact.table import ADVICE, find_changes, read_table, write_table


def main() -> int:
    """Return 0 where all hashes are those of the table, else 1."""
    parser = argparse.ArgumentParser("exact", description=__doc__)
    parser.add_argument("--steps", type=int, choices=(SHORT, LONG), default=LONG)
    parser.add_argument("--only", metavar="TEXT", default="", help="arrangements whose name has this text")
    parser.add_argument("--write", action="store_true", help="write the table anew, from numpy")
    parser.add_argument("--difference", metavar="CASE", choices=list(CASES), help="find where backends part")
    parser.add_argument("--between", nargs=2, metavar="BACKEND", default=("numpy", "torch"))
    options = parser.parse_args()
    if options.difference:
        print(report(CASES[options.difference], *options.between, options.steps))
        return 0
    if options.write:
        write_table(_compute_table())
    return _compare(options.steps, options.only)


def _compute_table() -> dict[str, dict[str, str]]:
    from cnnkit.training.fingerprint import fingerprint

    return {
        name: {str(steps): fingerprint(train(case.begin("numpy"), steps)) for steps in (SHORT, LONG)}
        for name, case in CASES.items()
    }


def _compare(steps: int, only: str) -> int:
    table, changes = read_table(), list[str]()
    for arrangement in list_arrangements():
        if only not in arrangement.name:
            continue
        started = time.perf_counter()
        try:
            found = arrangement.run(steps)
        except RuntimeError as error:
            changes.append(str(error))
            print(f"{arrangement.name:28} failed", flush=True)
            continue
        digests = "  ".join(digest[:8] for digest in found.values())
        wrong = find_changes(found, steps, table)
        changes += [f"{arrangement.name}: {line}" for line in wrong]
        seconds = time.perf_counter() - started
        verdict = f"{len(wrong)} differ" if wrong else "equal"
        print(f"{arrangement.name:28} {digests}  {verdict:9} {seconds:6.1f} s", flush=True)
    print("\n".join([*changes, ADVICE] if changes else ["one hash for each case"]))
    return int(bool(changes))


if __name__ == "__main__":
    sys.exit(main())
