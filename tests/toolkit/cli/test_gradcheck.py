import dataclasses

import pytest

from cnnkit.layers import Dense


@pytest.mark.parametrize("backend", ["numpy", "torch", "reference"])
def test_a_right_network_passes(cnnkit, net_toml, backend):
    result = cnnkit("gradcheck", "--model", net_toml, "--backend", backend, "--json")
    assert result.status == 0
    checked = result.json
    assert checked["passed"] is True
    assert (checked["backend"], checked["dtype"]) == (backend, "float64")
    assert [row["name"] for row in checked["rows"]] == ["x", "0.weight", "0.bias", "5.weight", "5.bias"]
    assert all(row["error"] < row["bound"] for row in checked["rows"])


def test_people_see_a_table(cnnkit, net_toml):
    result = cnnkit("gradcheck", "--model", net_toml, "--per-parameter")
    lines = result.out.splitlines()
    assert lines[0].split() == ["tensor", "numeric", "analytic", "relative", "error"]
    assert lines[-1] == f"all {len(lines) - 2} agree within 1e-05"
    assert any(line.startswith("0.weight[") for line in lines)


def test_a_wrong_gradient_is_status_1(cnnkit, net_toml, monkeypatch):
    right = Dense.backward

    def wrong(self, context, params, cache, dy):
        dx, grads = right(self, context, params, cache, dy)
        return dx, grads | {"bias": grads["bias"] * 1.001}

    monkeypatch.setattr(Dense, "backward", wrong)
    result = cnnkit("gradcheck", "--model", net_toml, "--json")
    assert result.status == 1
    assert [row["name"] for row in result.json["rows"] if not row["passed"]] == ["5.bias"]
    text = cnnkit("gradcheck", "--model", net_toml)
    assert text.status == 1
    assert "WRONG" in text.out
    assert "differ by more than 1e-05: 5.bias" in text.out
    assert dataclasses.is_dataclass(Dense)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--recipe", "nope"), "lenet5"),
        (("--model", "nope.toml"), "nope.toml"),
        (("--backend", "nope"), "numpy"),
        (("--device", "nope"), "cpu"),
        (("--samples", 0), "--samples"),
    ],
)
def test_wrong_options_are_refused_in_one_line(refused, options, said):
    assert said in refused("gradcheck", *options)
