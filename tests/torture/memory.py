"""The memory of a process and its descendants, as Linux tells it."""

from pathlib import Path


def measure_peaks(pid: int, peaks: dict[int, int]) -> None:
    """Note in {process: bytes} the most that a process and its descendants held so far (VmHWM)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        peaks[pid] = next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM"))
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, StopIteration):
        return
    for child in children:
        measure_peaks(int(child), peaks)
