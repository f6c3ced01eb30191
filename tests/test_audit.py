"""What `make check` makes of the answers of the advisory service."""

import importlib.util
import subprocess
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "audit.py"
TODAY = date(2026, 11, 30)


@pytest.fixture
def audit(monkeypatch):
    specification = importlib.util.spec_from_file_location("audit", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    known = {"PYSEC-1": module.Known("no model is loaded by it", date(2027, 1, 1))}
    monkeypatch.setattr(module, "KNOWN", known)
    return module


def report(*entries):
    return {"dependencies": [{"name": "numpy", "version": "2", "vulns": []}, *entries]}


def vulnerable(name, identifier="PYSEC-9", **more):
    found = {"id": identifier, "aliases": [], "fix_versions": ["9.9"]} | more
    return {"name": name, "version": "1", "vulns": [found]}


def test_nothing_known(audit):
    assert audit.judge(report(), {"numpy"}, TODAY) == (
        ["advisories: asked about 1 packages, none is vulnerable that counts"], 0
    )  # fmt: skip


def test_a_vulnerable_package_fails(audit):
    lines, status = audit.judge(report(vulnerable("h5py")), {"h5py"}, TODAY)
    assert (status, lines[0]) == (1, "advisories: h5py 1: PYSEC-9 (cnnkit needs it; fixed in 9.9)")
    lines, status = audit.judge(report(vulnerable("pytest")), {"h5py"}, TODAY)
    assert (status, lines[0]) == (1, "advisories: pytest 1: PYSEC-9 (the tests use it; fixed in 9.9)")


def test_what_is_passed_over_is_said_until_its_date(audit):
    entry = vulnerable("torch", "GHSA-x", aliases=["PYSEC-1"])
    lines, status = audit.judge(report(entry), {"h5py"}, TODAY)
    assert status == 0
    assert lines[0].startswith("advisories: passed over until 2027-01-01: torch 1")
    assert audit.judge(report(entry), {"h5py"}, date(2027, 1, 2))[1] == 1
    assert audit.judge(report(entry), {"torch"}, TODAY)[1] == 1  # what cnnkit needs is upgraded


def test_what_could_not_be_asked_is_said(audit):
    lines, status = audit.judge(report({"name": "odd", "skip_reason": "not found"}), set(), TODAY)
    assert (status, lines[-1]) == (0, "advisories: not asked about 1: odd")


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ('{"dependencies": [{"name": "numpy", "skip_reason": "Dependency not found"}]}', "no advisory service"),
        ("", "no network"),
        (None, "did not answer within"),
    ],
)
def test_without_a_service_nothing_is_claimed(audit, monkeypatch, capsys, output, reason):
    def run(*_, **__):
        if output is None:
            raise subprocess.TimeoutExpired("pip_audit", 1)
        return SimpleNamespace(stdout=output, stderr="Failed to resolve 'pypi.org'\n")

    monkeypatch.setattr(audit.subprocess, "run", run)
    assert audit.main() == 0
    said = capsys.readouterr().out
    assert said.startswith("advisories: not asked: ")
    assert reason in said


def test_what_cnnkit_needs_is_found(audit):
    needed = audit.find_needed("cnnkit", ("", "images"))
    assert {"numpy", "h5py", "typer", "rich", "pillow", "pygments"} <= needed  # rich needs the last one
    assert "pytest" not in needed
