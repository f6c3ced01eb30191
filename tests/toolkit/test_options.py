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
        ({"accumulate": 0}, "accumulate: expected >= 1, got 0"),
        ({"accumulate": 2.5}, "accumulate: expected a whole number, got 2.5"),
        ({"accumulate": 2**60}, r"accumulate: expected an update of <= 2\*\*63 - 1 samples, got"),
        ({"leaf": 0}, "leaf: expected >= 1, got 0"),
        ({"leaf": 64}, "leaf: expected a divisor of the batch size, 32, got 64"),
        ({"leaf": 5}, "leaf: expected a divisor of the batch size, 32, got 5"),
        ({"ema": 1}, "ema: expected above 0 and below 1, got 1"),
        ({"ema": 0}, "ema: expected above 0 and below 1, got 0"),
        ({"ema": "0.9"}, "ema: expected a number, got '0.9'"),
        ({"swa": 1}, r"swa: expected in \[0, 1\), got 1"),
        ({"swa": -0.5}, r"swa: expected in \[0, 1\), got -0.5"),
        ({"swa": float("nan")}, r"swa: expected in \[0, 1\), got nan"),
        ({"swa": 0.5, "ema": 0.5}, "expected ema or swa, got both: leave one out"),
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
