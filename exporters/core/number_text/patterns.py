"""What a number looks like in the text and JSON formats, and how wide the longest of each element type is."""

import re

NUMBER = re.compile(rb"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
SPECIAL = re.compile(rb"([+-])(?:(inf)|nan(?:\(0x([0-9a-fA-F]+)\))?)")
# The element types that have a text form, with the width of their longest number and a blank before it.
WIDTHS = {"bool": 2, "float16": 10, "bfloat16": 10, "float32": 15, "float64": 25} | {
    f"{sign}int{bits}": len(str(-(2 ** (bits - 1)))) + 1 for sign in ("", "u") for bits in (8, 16, 32, 64)
}
