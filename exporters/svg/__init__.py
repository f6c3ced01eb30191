"""Format "svg": a network drawn, every value on hover, and all values exactly in the file's data block.

How a picture is made, in reading order:
    scale.py       a tensor is read once: its values, one scale, 63 levels, exact digits (numbers.py)
    plan.py        its form is decided once: Blocks (block_plan.py), Matrix or Strip, with the size of every cell
    drawing.py     a layer is drawn as planned: heading, legend.py, then blocks (block_drawing.py), matrix or strip,
                   all of tiles (tiles.py); a small perceptron is one diagram instead (diagram.py, plane.py, edges.py)
    writer.py      the page: the head (header.py), the overview (overview.py, stages.py), the layers, the data block
    data_block.py  the exact values as text; reader.py finds them by scanner.py and reads nothing else of the file
All of them use canvas.py (elements), lettering.py (text), palette.py and png.py (colours), network.py (architecture).
"""
