from dataclasses import fields
from typing import get_type_hints

import numpy as np
import pytest

from cnnkit.errors import ConfigError
from cnnkit.options import OptionFields, Options


def test_keyword_arguments_of_fit_are_the_fields_of_options() -> None:
    hints = get_type_hints(Options)
    assert {field.name: hints[field.name] for field in fields(Options)} == get_type_hints(OptionFields)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs: expected >= 1, got 0"),
        ({"epochs": 2.5}, "epochs: expected a whole number, got 2.5"),
        ({"epochs": True}, "epochs: expected a whole number, got True"),
        ({"batch_size": "32"}, "batch_size: expected a whole number, got '32'"),
        ({"learning_rate": 0}, "learning_rate: expected > 0, got 0"),
        ({"learning_rate": float("nan")}, "learning_rate: expected > 0, got nan"),
        ({"learning_rate": None}, "learning_rate: expected a number, got None"),
        ({"validation_split": 1}, r"validation_split: expected in \[0, 1\), got 1"),
        ({"patience": 3}, "validation_split: expected above 0 when patience is given, got 0"),
        ({"patience": 0, "validation_split": 0.1}, "patience: expected >= 1, got 0"),
        ({"limit": 0}, "limit: expected >= 1, got 0"),
        ({"seed": -1}, "seed: expected >= 0, got -1"),
        ({"shuffle": "no"}, "shuffle: expected true or false, got 'no'"),
        ({"optimizer": "adman"}, "optimizer: expected one of"),
        ({"optimizer": 5}, "optimizer: expected a text .* got 5"),
        ({"schedule": "slow"}, "schedule: expected one of"),
        ({"loss": "gain"}, "loss: expected one of"),
    ],
)
def test_options_out_of_range(options, message) -> None:
    with pytest.raises(ConfigError, match=message):
        Options(**options)


def test_numpys_numbers_are_numbers() -> None:
    assert Options(epochs=np.int64(3), learning_rate=np.float32(0.5)).epochs == 3
