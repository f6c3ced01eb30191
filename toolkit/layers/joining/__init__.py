"""Layers of several inputs or outputs, the joins of a Graph."""

from cnnkit.layers.joining.arithmetic import Add, Average, Divide, Multiply, Subtract
from cnnkit.layers.joining.concatenate import Concatenate
from cnnkit.layers.joining.extremes import Maximum, Minimum
from cnnkit.layers.joining.split import Split

JOINING = (Add, Subtract, Multiply, Divide, Average, Maximum, Minimum, Concatenate, Split)
