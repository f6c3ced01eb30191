"""Honest files, and the command lines by which a zygote learns what cnnkit imports late."""

from pathlib import Path

import h5py
import numpy as np

import cnnkit
from cnnkit import exporters


def write_good_files(folder: Path) -> Path:
    """Write an honest weight file and what the zygote learns from; return the weight file."""
    network, loss = cnnkit.recipes.get("bright-dark").network()
    model = cnnkit.Model(network, loss)
    model.save(folder / "good.h5")
    weights = exporters.read(folder / "good.h5")
    for name in ("good.npz", "good.safetensors", "good.json", "good.txt", "good.pt", "good.svg", "good.onnx"):
        exporters.write(weights, folder / name)
    np.savez(folder / "data.npz", x_train=np.zeros((2, 8, 8), np.uint8), y_train=np.arange(2, dtype=np.uint8))
    with h5py.File(folder / "foreign.h5", "w") as file:
        file["dense/kernel"] = np.ones((2, 2), np.float32)
    return folder / "good.h5"


_LEARN = (
    *(f"inspect {{good}}/good.{suffix}" for suffix in ("npz", "safetensors", "json", "txt", "pt", "svg", "onnx")),
    "inspect {good}/good.h5 --strict --html {good}/page.html",
    "inspect {good}/foreign.h5 --external",
    "inspect {good}/good.npz --values --json",
    "export {good}/good.npz -o {good}/export.h5",
    "diff {good}/good.npz {good}/good.h5",
    "show {good}/good.npz 0",
    "summary --recipe bright-dark",
    "evaluate {good}/good.npz --data bright-dark",
    "predict {good}/good.npz --data bright-dark",
    "data show {good}/data.npz --split train",
    "train --recipe bright-dark --epochs 1 -o {good}/train.h5",
)  # fmt: skip


def list_lessons(good: Path) -> list[list[str]]:
    """Return command lines that import, between them, what those on hostile files need."""
    return [[word.format(good=good) for word in line.split()] for line in _LEARN]
