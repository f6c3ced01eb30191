import pytest
from torture.mutation.tflite_writer import CODES, ModelWriter  # noqa: F401 (CODES: for the tests)


@pytest.fixture
def model() -> ModelWriter:
    return ModelWriter()
