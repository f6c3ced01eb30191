"""Asks the advisory service of PyPI about every installed package: `make check`.

Exit status 1: a known vulnerability, in what cnnkit needs or in a tool of its tests, that KNOWN does not list. Without
a network nothing can be asked: that is said, and is no failure.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from importlib.metadata import PackageNotFoundError, distribution, distributions
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = "cnnkit"
SHIPPED_EXTRAS = ("", "plot", "images", "fetch")  # backends are of the version that the user installs
_SECONDS = 120.0  # for all packages together
_SECONDS_EACH = "5"


class Known(NamedTuple):
    """A vulnerability that does not concern cnnkit, why, and until when that is believed."""

    reason: str
    until: date


# {identifier: Known}: only for packages of the tests, which pin some (torch); what cnnkit needs is upgraded instead.
KNOWN: Mapping[str, Known] = {}


def main() -> int:
    """Ask, print a few lines, and return the exit status."""
    shipped = find_needed(PROJECT, SHIPPED_EXTRAS)
    pins = sorted({f"{canonicalize_name(d.name)}=={d.version}" for d in distributions() if d.name != PROJECT})
    report, problem = ask(pins)
    if report is None:
        print(f"advisories: not asked: {problem}")
        return 0
    lines, status = judge(report, shipped, date.today())
    print("\n".join(lines))
    return status


def find_needed(project: str, extras: Collection[str]) -> set[str]:
    """Return the names of all installed packages that a project needs with these extras."""
    needed: set[str] = set()
    queue = [(project, extra) for extra in extras]
    asked = set(queue)
    while queue:
        name, extra = queue.pop()
        try:
            requirements = distribution(name).requires or []
        except PackageNotFoundError:  # of an extra that is not installed
            continue
        for requirement in map(Requirement, requirements):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                needed.add(canonicalize_name(requirement.name))
                inner = {(canonicalize_name(requirement.name), one) for one in ("", *requirement.extras)} - asked
                queue += inner
                asked |= inner
    return needed


def ask(pins: list[str]) -> tuple[dict[str, Any] | None, str]:
    """Return what pip-audit reports about packages; or None, and why it could not ask."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(pins))
        file.flush()
        options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
        command = [sys.executable, "-m", "pip_audit", *options, "--timeout", _SECONDS_EACH, "-r", file.name]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return None, f"the service did not answer within {_SECONDS:.0f} s"
    try:
        report = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        return None, f"no network, or the service does not answer ({last[:200]})"
    if all("skip_reason" in entry for entry in report["dependencies"]):
        return None, "the package index here has no advisory service"
    return report, ""


def judge(report: Mapping[str, Any], shipped: Collection[str], today: date) -> tuple[list[str], int]:
    """Return the lines about a report, and the exit status."""
    entries = report["dependencies"]
    skipped = [entry["name"] for entry in entries if "skip_reason" in entry]
    lines, status = list[str](), 0
    for name, version, identifiers, fixed in _list_found(entries):
        known = next((KNOWN[identifier] for identifier in identifiers if identifier in KNOWN), None)
        use = "cnnkit needs it" if canonicalize_name(name) in shipped else "the tests use it"
        what = f"{name} {version}: {identifiers[0]} ({use}; fixed in {', '.join(fixed) or 'no version'})"
        if known is None or canonicalize_name(name) in shipped:
            lines.append(f"advisories: {what}")
        elif known.until < today:
            lines.append(f"advisories: {what}: look again, passed over until {known.until}: {known.reason}")
        else:
            lines.append(f"advisories: passed over until {known.until}: {what}: {known.reason}")
            continue
        status = 1
    asked = len(entries) - len(skipped)
    lines.append(f"advisories: asked about {asked} packages" + ("" if status else ", none is vulnerable that counts"))
    if skipped:
        lines.append(f"advisories: not asked about {len(skipped)}: {', '.join(sorted(skipped))}")
    return lines, status


def _list_found(entries: list[dict[str, Any]]) -> Iterator[tuple[str, str, list[str], list[str]]]:
    for entry in entries:
        for found in entry.get("vulns", ()):
            identifiers = [found["id"], *found.get("aliases", ())]
            yield entry["name"], entry["version"], identifiers, found.get("fix_versions", [])


if __name__ == "__main__":
    sys.exit(main())
