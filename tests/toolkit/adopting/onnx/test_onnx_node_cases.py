"""ONNX's own tests of each operator, adopted and run on every backend; the page that lists them is kept up to date.

CNNKIT_WRITE_PAGES=1 in the environment writes the page anew (make onnx-page).
"""

import os
import re
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx_cases import adopt_case, freeze, list_cases, run_case

from cnnkit.adopting.onnx.folding import FOLDS
from cnnkit.adopting.onnx.operators import OPERATORS
from cnnkit.errors import WeightFileError
from cnnkit.layers import Graph

PAGE = Path(__file__).parents[4] / "docs" / "onnx-operators.md"
# Here the expected output counts pixels of a fraction of a pixel; onnxruntime does not, nor does cnnkit.
AS_ONNXRUNTIME = tuple(f"resize_downsample_scales_{mode}_align_corners" for mode in ("cubic", "linear"))
BATCH = re.compile("batch|from sample to sample")
NO_FLOATS = re.compile("no input of floats|is 0, where layers need a number|takes no value")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::RuntimeWarning")]


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """{name: (case, what adopting gave or why it was refused)}."""
    folder, found = tmp_path_factory.mktemp("cases"), {}
    for case in list_cases():
        try:
            found[case.name] = case, adopt_case(case, folder)
        except WeightFileError as error:
            found[case.name] = case, str(error).split(": ", 1)[-1].split("): ", 1)[-1]
    return found


def compare(case, got, wanted):
    assert len(got) == len(wanted)
    for mine, theirs in zip(got, wanted, strict=True):
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(
            mine, theirs.astype(mine.dtype), rtol=max(case.rtol, 1e-5), atol=max(case.atol, 1e-6)
        )


@pytest.mark.parametrize("backend", ["numpy", "torch", "reference", "cupy-sim"])
def test_every_adopted_case_gives_what_onnx_says(cases, backend):
    wrong, lacking, count = [], [], 0
    for name, (case, made) in cases.items():
        if isinstance(made, str) or name in AS_ONNXRUNTIME:
            continue
        count += 1
        try:
            with np.errstate(all="ignore"):
                compare(case, run_case(made[0], made[1], backend), made[2])
        except NotImplementedError:
            lacking.append(name)
        except AssertionError as error:
            wrong.append(f"{name}: {error}")
    assert wrong == []
    assert count > 400
    assert len(lacking) <= (20 if "cupy" in backend else 0), lacking  # windows over 1 and 3 axes, pools with gaps


def test_two_cases_are_as_onnxruntime_has_them(cases):
    for name in AS_ONNXRUNTIME:
        case, (adopted, inputs, _) = cases[name]
        model = freeze(case, frozenset((0,)))[0]
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        (wanted,) = session.run(None, {session.get_inputs()[0].name: inputs[0]})
        compare(case, run_case(adopted, inputs, "numpy"), (wanted,))


def test_a_wrong_value_would_be_seen(cases):
    case, (adopted, inputs, outputs) = cases["relu"]
    with pytest.raises(AssertionError):
        compare(case, run_case(adopted, inputs, "numpy"), (outputs[0] + 1e-3,))


def test_nearly_all_cases_of_floats_that_leave_the_batch_alone_are_adopted(cases):
    fit = {name: made for name, (case, made) in cases.items() if case.op not in ("several", "Erf")}
    fit = {name: made for name, made in fit.items() if not (isinstance(made, str) and _is_apart(made))}
    refused = [name for name, made in fit.items() if isinstance(made, str)]
    assert len(refused) <= 0.05 * len(fit), refused


def test_every_case_of_windows_is_adopted(cases):
    kinds = ("Conv", "ConvTranspose", "AveragePool", "MaxPool", "GlobalAveragePool", "GlobalMaxPool")
    refused = {name: made for name, (case, made) in cases.items() if case.op in kinds and isinstance(made, str)}
    assert all("places of the maxima" in reason for reason in refused.values()), refused
    assert sum(case.op in kinds for case, _ in cases.values()) >= 55


def _is_apart(reason):
    return bool(BATCH.search(reason) or NO_FLOATS.search(reason))


def test_the_page_of_operators_is_up_to_date(cases):
    page = write_page(cases)
    if os.environ.get("CNNKIT_WRITE_PAGES"):
        PAGE.write_text(page, "utf-8")
    assert PAGE.read_text("utf-8") == page, "make onnx-page writes it anew"


def write_page(cases):
    """Return the text of docs/onnx-operators.md."""
    rows, refusals = [], []
    layers, counts = defaultdict(set), defaultdict(Counter)
    for name, (case, made) in cases.items():
        if case.op == "several":
            continue
        counts[case.op][not isinstance(made, str)] += 1
        if isinstance(made, str):
            refusals.append(f"| {case.op} | {name} | {made.replace('|', '/')} |")
            continue
        network = made[0].network
        found = [node.layer for node in network.nodes] if isinstance(network, Graph) else network.layers
        layers[case.op] |= {layer.type for layer in found if layer is not None}
    for op in sorted(OPERATORS):
        total = sum(counts[op].values())
        became = ", ".join(sorted(layers[op])) or ("part of GELU" if op == "Erf" else "nothing: it changes no value")
        rows.append(f"| {op} | {became} | {counts[op][True]} of {total} |")
    adopted = sum(counter[True] for counter in counts.values())
    total = sum(sum(counter.values()) for counter in counts.values())
    return TEXT.format(
        adopted=adopted,
        total=total,
        rows="\n".join(rows),
        refusals="\n".join(sorted(refusals)),
        folds=", ".join(sorted(FOLDS)),
    )


TEXT = """# ONNX operators

Which operators of ONNX become layers of cnnkit, and how many of ONNX's own test cases of each. This page is written by
`make onnx-page` from what the tests find; CI fails where it is out of date.

The first axis of each input is the batch, which no layer moves, cuts or mixes: a case that does so is refused. In each
case the first input stays an input, and the others become constants of the file, as weights and shapes are in networks.
{adopted} of {total} cases are adopted, and each gives what ONNX says on every backend (two cases of Resize with
`align_corners` and a fraction of a pixel excepted: there cnnkit gives what onnxruntime gives). Of the cases of floats
that leave the batch alone, 95 % at least are adopted, and all of Conv, ConvTranspose and the pools, but for those that
ask for the places of maxima.

| operator | layers | cases adopted |
| --- | --- | --- |
{rows}

**Computed once, where all their inputs are constants or the shape of an activation:** {folds}.

**Put together again:** GELU in both forms, SiLU, Hardswish, Mish, LayerNorm, GroupNorm, InstanceNorm, RMSNorm,
ChannelShuffle, biases behind products, scales behind normalisations, the transpositions of channels-last networks.

**Refused by name:** every other operator, operators of other domains, graphs inside nodes (If, Loop, Scan), functions
of the model, quantised networks.

## Cases that are refused

| operator | case | reason |
| --- | --- | --- |
{refusals}
"""
