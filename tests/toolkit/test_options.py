from dataclasses import fields
from typing import get_type_hints

from cnnkit.options import OptionFields, Options


def test_keyword_arguments_of_fit_are_the_fields_of_options() -> None:
    hints = get_type_hints(Options)
    assert {field.name: hints[field.name] for field in fields(Options)} == get_type_hints(OptionFields)
