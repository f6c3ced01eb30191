"""Bounds on memory: of the machine, of a container, of `ulimit -v`."""

import subprocess
import sys

import pytest

from cnnkit import memory
from cnnkit.memory import describe_bytes, find_memory


def test_the_memory_of_this_machine_is_known() -> None:
    assert 1 << 28 < find_memory().size < 1 << 50


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (5 << 20, "5 MiB"),
        ((5 << 20) + 1, "5.1 MiB"),
        (24 << 30, "24 GiB"),
        (288 << 30, "288 GiB"),
        (2**93, "9,223,372,036,854,775,808 GiB"),
    ],
)
def test_a_size_is_told_without_being_made_smaller(size, text) -> None:
    assert describe_bytes(size) == text


@pytest.mark.skipif(sys.platform != "linux", reason="`ulimit -v` is Linux's")
def test_the_limit_of_a_shell_counts() -> None:
    script = "import cnnkit.memory as m; print(m.find_memory().describe())"
    command = f'ulimit -v 3000000; exec "{sys.executable}" -c "{script}"'
    said = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout
    assert said.startswith("`ulimit -v` leaves ")
    assert float(said.split()[3]) <= 2.9
    assert said.split()[4] == "GiB"


@pytest.mark.parametrize(
    ("line", "name", "at"),
    [
        ("0::/slice/box", "memory.max", "slice/box"),
        ("0::/slice/box", "memory.max", "slice"),
        ("0::/", "memory.max", ""),
        ("9:cpu,memory:/box", "memory.limit_in_bytes", "memory/box"),
    ],
)
def test_the_limit_of_a_container_counts(tmp_path, monkeypatch, line, name, at) -> None:
    own, groups = tmp_path / "cgroup", tmp_path / "groups"
    own.write_text(f"7:pids:/elsewhere\n{line}\n")
    (groups / at).mkdir(parents=True)
    (groups / at / name).write_text("268435456\n")
    monkeypatch.setattr(memory, "_OWN_CGROUP", own)
    monkeypatch.setattr(memory, "_CGROUPS", groups)
    assert find_memory().describe() == "this container may use 256 MiB"


def test_a_container_without_a_limit_has_the_machines_memory(tmp_path, monkeypatch) -> None:
    (tmp_path / "memory.max").write_text("max\n")
    before = find_memory()
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path)
    assert find_memory().bound == before.bound
