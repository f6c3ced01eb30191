"""What docs/scale.md shows: job scripts that a shell and a YAML parser take, and a table that its program computes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "scale.md").read_text("utf-8")


def find_blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def check_shell(script: str) -> None:
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_script_for_slurm_is_one() -> None:
    (script,) = find_blocks("bash")
    check_shell(script)
    assert script.startswith("#!/bin/bash\n#SBATCH ")
    assert not re.search(r"\n#SBATCH", script.partition("\n\n")[2]), "Slurm reads no directive behind the first command"


def test_the_manifest_for_kubernetes_is_one() -> None:
    yaml = pytest.importorskip("yaml")
    (text,) = find_blocks("yaml")
    service, job = yaml.safe_load_all(text)
    assert (service["kind"], job["kind"]) == ("Service", "Job")
    pod = job["spec"]["template"]["spec"]
    assert pod["subdomain"] == service["metadata"]["name"]
    (container,) = pod["containers"]
    (script,) = container["args"]
    check_shell(script)
    assert f"--nnodes {job['spec']['completions']} " in script
    assert f"--master-addr {job['metadata']['name']}-0.{service['metadata']['name']} " in script


def test_the_table_of_the_model_is_what_its_program_computes() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "cluster.py"), "--read"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [line for line in said if line.startswith("|")]
    assert len(rows) == 6
    assert [row for row in rows if row not in PAGE] == []


def test_the_model_by_hand(monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from cluster import Network, Parts, predict, speed_up

    parts = Parts(image=0.001, besides=0.01, gradient=1_000_000, step={})
    network = Network(bits=1e9, latency=1e-4)
    # 4 workers: 16 images, 3 messages of 1 ms each way and the latency twice, 2 * 3/4 of 8 Mbit at 1 Gbit/s
    expected = 0.016 + 0.01 + 2 * (3 * 0.001 + 1e-4) + 0.012
    assert predict(parts, 16, 4, network, 0.001) == pytest.approx(expected)
    assert predict(parts, 16, 1, network, 0.001) == pytest.approx(0.026)
    assert speed_up(parts, 16, 4, network, 0.001) == pytest.approx(0.074 / expected)
