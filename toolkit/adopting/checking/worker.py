"""Runs a stranger's network in its own runtime, in a process of its own: python -m cnnkit.adopting.checking.worker.

A folder holds what is asked (names.txt, inputs.safetensors) and gets what comes (outputs.safetensors). The names are
those of activations, apart by zero bytes; the tensors of the outputs are named by their place in that list, the
outputs of the network "output0", "output1".
"""

import contextlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from cnnkit import exporters
from cnnkit.adopting.checking.onnx_outputs import add_outputs
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.memory import find_memory

NAMES, INPUTS, OUTPUTS = "names.txt", "inputs.safetensors", "outputs.safetensors"
_KINDS = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16",
          "tensor(uint8)": "uint8", "tensor(int32)": "int32", "tensor(int64)": "int64"}  # fmt: skip
Values = dict[str, Any]


def main(kind: str, model: Path, folder: Path, external: bool = False) -> None:
    """Run the model on the inputs in the folder and leave there what it gives.

    external: let the runtime open the files beside the model that it names.
    """
    _limit_memory()
    names = [name for name in (folder / NAMES).read_bytes().decode("utf-8", "surrogateescape").split("\0") if name]
    file = exporters.read(folder / INPUTS)
    inputs = [file[str(place)].read() for place in range(len(file))]
    beside = model.parent if external else folder
    results = _run_onnx(model, beside, names, inputs) if kind == "onnx" else _run_keras(model, names, inputs)
    tensors = [Tensor.of(name, np.ascontiguousarray(array)) for name, array in results.items() if _is_real(array)]
    exporters.write(WeightFile(tuple(tensors)), folder / OUTPUTS)


def _limit_memory() -> None:
    """Let this process take no more memory than the machine has, so that it fails rather than anything else."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        most = find_memory().size // 4 * 3
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _is_real(array: Any) -> bool:
    return isinstance(array, np.ndarray) and array.dtype in (np.float16, np.float32, np.float64)


def _run_onnx(model: Path, beside: Path, names: list[str], inputs: list[Any]) -> Values:
    import onnxruntime

    def open_session(wanted: Iterable[str]) -> Any:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(beside))
        content = add_outputs(model.read_bytes(), wanted)
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    plain = open_session(())
    own = [output.name for output in plain.get_outputs()]
    between = [name for name in names if name not in own]
    try:
        session = open_session(between)
    except Exception:
        session, between = plain, []  # the runtime does not tell some of the values: the outputs alone
    asked = [*own, *between]
    feeds = [(given.name, _KINDS.get(given.type, "float32"), given.shape[:1]) for given in session.get_inputs()]
    size = next((shape[0] for _, _, shape in feeds if shape and isinstance(shape[0], int)), None) or len(inputs[0])
    pieces = []
    for first in range(0, len(inputs[0]), size):
        batch = {
            name: _fill(given[first : first + size], size).astype(kind)
            for (name, kind, _), given in zip(feeds, inputs, strict=True)
        }
        pieces.append(session.run(asked, batch))
    whole = [
        np.concatenate(parts)[: len(inputs[0])] if np.ndim(parts[0]) else None for parts in zip(*pieces, strict=True)
    ]
    told = dict(zip(asked, whole, strict=True))
    results = {f"output{place}": told[name] for place, name in enumerate(own)}
    return results | {str(place): told[name] for place, name in enumerate(names) if told.get(name) is not None}


def _fill(part: Any, size: int) -> Any:
    """Return the samples, the last one repeated, where a model takes `size` of them and there are fewer."""
    return part if len(part) == size else np.concatenate([part, np.repeat(part[-1:], size - len(part), axis=0)])


def _run_keras(model: Path, names: list[str], inputs: list[Any]) -> Values:
    import keras

    net: Any = keras.saving.load_model(model, compile=False, safe_mode=True)
    if isinstance(net, keras.Sequential) and not net.built:
        net.build(inputs[0].shape)
    placed = [(place, _find_layer(net, name)) for place, name in enumerate(names)]
    found = [(place, layer) for place, layer in placed if layer is not None]
    outputs = net.outputs if isinstance(net.outputs, list) else [net.outputs]
    whole = keras.Model(net.inputs, [*outputs, *(layer.output for _, layer in found)])
    made = whole(inputs if len(inputs) > 1 else inputs[0], training=False)
    arrays = [
        np.asarray(keras.ops.convert_to_numpy(array)) for array in (made if isinstance(made, list | tuple) else [made])
    ]
    results = {f"output{place}": array for place, array in enumerate(arrays[: len(outputs)])}
    return results | {str(place): array for (place, _), array in zip(found, arrays[len(outputs) :], strict=True)}


def _find_layer(net: Any, name: str) -> Any:
    """Return the layer of that name at the top of the model, None where it is called more than once or not at all."""
    try:
        layer = net.get_layer(name)
        return layer if hasattr(layer.output, "shape") else None
    except (ValueError, AttributeError):
        return None


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), "external" in sys.argv[4:])
