"""Types of tensors in GGUF files by their codes: those that are numbers, and those of quantised blocks."""

from typing import NamedTuple

DTYPES = {
    0: "float32", 1: "float16", 24: "int8", 25: "int16", 26: "int32", 27: "int64", 28: "float64", 30: "bfloat16",
}  # fmt: skip


class QuantisedBlock(NamedTuple):
    """A type whose values are packed in blocks: its name, values of a block, bytes of a block."""

    name: str
    values: int
    size: int


BLOCKS = {
    2: QuantisedBlock("Q4_0", 32, 18),
    3: QuantisedBlock("Q4_1", 32, 20),
    6: QuantisedBlock("Q5_0", 32, 22),
    7: QuantisedBlock("Q5_1", 32, 24),
    8: QuantisedBlock("Q8_0", 32, 34),
    9: QuantisedBlock("Q8_1", 32, 40),
    10: QuantisedBlock("Q2_K", 256, 84),
    11: QuantisedBlock("Q3_K", 256, 110),
    12: QuantisedBlock("Q4_K", 256, 144),
    13: QuantisedBlock("Q5_K", 256, 176),
    14: QuantisedBlock("Q6_K", 256, 210),
    15: QuantisedBlock("Q8_K", 256, 292),
    16: QuantisedBlock("IQ2_XXS", 256, 66),
    17: QuantisedBlock("IQ2_XS", 256, 74),
    18: QuantisedBlock("IQ3_XXS", 256, 98),
    19: QuantisedBlock("IQ1_S", 256, 50),
    20: QuantisedBlock("IQ4_NL", 32, 18),
    21: QuantisedBlock("IQ3_S", 256, 110),
    22: QuantisedBlock("IQ2_S", 256, 82),
    23: QuantisedBlock("IQ4_XS", 256, 136),
    29: QuantisedBlock("IQ1_M", 256, 56),
    34: QuantisedBlock("TQ1_0", 256, 54),
    35: QuantisedBlock("TQ2_0", 256, 66),
    39: QuantisedBlock("MXFP4", 32, 17),
    40: QuantisedBlock("NVFP4", 64, 36),
    41: QuantisedBlock("Q1_0", 128, 18),
}
