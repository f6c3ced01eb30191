"""The committed table: the fingerprint of each training after SHORT and after LONG updates."""

import json
from pathlib import Path

PATH = Path(__file__).with_name("hashes.json")
ADVICE = (
    "the bits of exact numerics have changed. Was that meant? Then `make exact-table` writes the new table, and "
    "CHANGELOG.md says why: weight files of `train --exact` no longer verify with this version. Was it not? Then "
    "`PYTHONPATH=tests python -m exact --difference CASE --between numpy torch` names the first step, tensor and "
    "primitive in which two backends differ; where all backends agree, the change is in code that they share."
)
Hashes = dict[str, dict[str, str]]


def read_table() -> Hashes:
    """Return {case: {number of updates: fingerprint}}."""
    table: Hashes = json.loads(PATH.read_text("utf-8"))
    return table


def write_table(hashes: Hashes) -> None:
    """Write the table for the next commit."""
    PATH.write_text(json.dumps(hashes, indent=1) + "\n", "utf-8")


def find_changes(found: dict[str, str], steps: int, table: Hashes) -> list[str]:
    """Return a line for each case whose fingerprint is not that of the table."""
    return [
        f"{case} after {steps} updates: {digest}, in the table {table.get(case, {}).get(str(steps))}"
        for case, digest in found.items()
        if table.get(case, {}).get(str(steps)) != digest
    ]
