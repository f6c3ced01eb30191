"""Graphs and blocks in model files that are wrong, or grow without end when they are written out."""

from collections.abc import Callable
from pathlib import Path

from hostile.case import Case

_HEAD = 'name = "net"\ninput_shape = [1, 8, 8]\n'
_TAIL = '[[layers]]\ntype = "Flatten"\n[[layers]]\ntype = "Dense"\nfeatures = 2\n'


def node(name: str, inputs: str = "", kind: str = "ReLU", more: str = "") -> str:
    """Return the table of a node; inputs: its list as TOML writes it."""
    taken = f"inputs = {inputs}\n" if inputs else ""
    return f'[[layers]]\ntype = "{kind}"\nname = "{name}"\n{taken}{more}\n'


def shared(name: str, owner: str, inputs: str) -> str:
    return f'[[layers]]\nname = "{name}"\nshares = "{owner}"\ninputs = {inputs}\n'


def _wide(count: int) -> str:
    names = ["input"]
    tables = []
    for n in range(count):
        kind = "Add" if n else "ReLU"
        tables.append(node(f"a{n}", str(names), kind))
        names.append(f"a{n}")
    return "".join(tables)


def _many(count: int) -> str:
    return "".join(f'[[layers]]\ntype = "ReLU"\nname = "a{n}"\n' for n in range(count))


def _bomb(levels: int, repeat: int) -> str:
    """Return blocks of which each holds the one before many times."""
    first = '[blocks.b0]\nlayers = [{type = "ReLU"}]\n'
    more = (f'[blocks.b{n}]\nlayers = [{{block = "b{n - 1}", repeat = {repeat}}}]\n' for n in range(1, levels))
    return f'{first}{"".join(more)}[[layers]]\nblock = "b{levels - 1}"\n'


def _lists(levels: int) -> str:
    """Return a block whose parameter is a list of lists that grows tenfold at each level."""
    first = '[blocks.b0]\nlayers = [{type = "Reshape", shape = "$s"}]\n'
    ten = ", ".join(['"$s"'] * 10)
    more = (f'[blocks.b{n}]\nlayers = [{{block = "b{n - 1}", s = [{ten}]}}]\n' for n in range(1, levels))
    return f'{first}{"".join(more)}[[layers]]\nblock = "b{levels - 1}"\ns = 1\n'


_INPUT = '["input"]'
_REFUSED: dict[str, tuple[str, str | Callable[[], str]]] = {
    "cycle": ("two nodes that wait for each other", node("a", '["b"]') + node("b", '["a"]')),
    "itself": ("a node that takes what it gives", node("a", '["a"]')),
    "unknown": ("an input that there is not", node("a", '["nothing"]')),
    "like_input": ("a node named like the input", node("input")),
    "twice": ("two nodes of one name", node("a") + node("a")),
    "output_number": ("output 9999 of a node with one", node("a") + node("b", '["a:9999"]')),
    "output_huge": ("output 10^30 of a node", node("a") + node("b", f'["a:{10**30}"]')),
    "inputs_number": ("inputs that are a number", node("a", "5")),
    "inputs_empty": ("no inputs", node("a", "[]")),
    "inputs_nested": ("inputs in lists", node("a", '[["input"]]')),
    "inputs_many": ("100,000 inputs of a ReLU", lambda: node("a", str(["input"] * 100_000))),
    "name_dots": ("a name with dots", node("a.b")),
    "name_long": ("a name of 500,000 letters", lambda: node("a" * 500_000)),
    "name_bidi": ("a name that turns the line around", node("\\u202eexe")),
    "name_number": ("a name that is a number", '[[layers]]\ntype = "ReLU"\nname = 5\n'),
    "shares_itself": ("a node that shares itself", shared("a", "a", _INPUT)),
    "shares_loop": ("nodes that share each other", shared("a", "b", _INPUT) + shared("b", "a", '["a"]')),
    "shares_none": ("a node that shares what there is not", node("a") + shared("b", "c", '["a"]')),
    "shares_both": ("a layer that also shares", node("a", _INPUT, more='shares = "a"')),
    "shares_number": ("shares that is a number", '[[layers]]\nname = "a"\nshares = 5\n'),
    "shares_shape": ("weights shared with samples of another shape", node("a", _INPUT, "Flatten")
        + node("b", '["a"]', "Dense", "features = 3") + shared("c", "b", '["b"]')),
    "split_huge": ("a Split in 2^31 parts", node("a", _INPUT, "Split", f"sizes = [{2**31}]")),
    "split_many": ("a Split in 100,000 parts", lambda: node("a", _INPUT, "Split", f"sizes = {[1] * 100_000}")),
    "split_negative": ("a Split in parts of -1", node("a", _INPUT, "Split", "sizes = [-1, 2]")),
    "unused": ("a node that nothing uses", node("a", _INPUT) + node("b", _INPUT)),
    "input_names_many": ("100,000 names of inputs", lambda: f'input_names = {[f"i{n}" for n in range(100_000)]}\n'
        + node("a", '["i1"]')),
    "input_names_twice": ("one name of two inputs", 'input_names = ["a", "a"]\n' + node("b", '["a"]')),
    "input_names_text": ("names of inputs that are a text", 'input_names = "input"\n' + node("b")),
    "output_names_unknown": ("an output that there is not", 'output_names = ["b"]\n' + node("a")),
    "output_names_empty": ("names of outputs that are lists", "output_names = [[]]\n" + node("a")),
    "blocks_bomb": ("blocks of 10^15 layers", _bomb(16, 10)),
    "blocks_itself": ("a block that holds itself", '[blocks.b]\nlayers = [{block = "b"}]\n[[layers]]\nblock = "b"\n'),
    "blocks_lists": ("a parameter that grows to 10^15 values", _lists(15)),
    "blocks_repeat": ("a block 10^18 times", '[blocks.b]\nlayers = []\n[[layers]]\nblock = "b"\nrepeat = '
        f"{10**18}\n"),
    "blocks_number": ("blocks that are a number", "blocks = 5\n[[layers]]\n"),
    "blocks_unknown": ("a block that there is not", '[blocks]\n[[layers]]\nblock = "b"\n'),
    "add_shapes": ("a sum of two shapes", node("a", _INPUT, "Flatten") + node("b", '["a", "input"]', "Add")),
    "loss_outputs": ("losses of outputs that there are not", '[training]\nloss = "main=cross-entropy;aux=l2"\n'
        + node("a")),
    "loss_nested": ("losses in each other", f'[training]\nloss = "{"a=" * 100_000}l1"\n' + node("a")),
    "loss_weight": ("a loss that counts NaN times", '[training]\nloss = "a=nan*l1"\n' + node("a")),
    "input_shape_deep": ("a shape in 500 lists", f"input_shape = {'[' * 500}{']' * 500}\n" + node("a")),
    "inside": ("40 graphs in each other", '[[layers]]\nname = "a"\ntype = "Graph"\n' + "layers = [{name = \"a\", type "
        '= "Graph", ' * 40 + "layers = []" + "}]" * 40 + "\n"),
}  # fmt: skip
_LARGE: dict[str, tuple[str, Callable[[], str]]] = {
    "loss_many": ("50,000 losses", lambda: f'[training]\nloss = "{";".join(f"a{n}=l1" for n in range(50_000))}"\n'
        + node("a")),
    "many": ("8,000 nodes", lambda: _many(8_000) + _TAIL),
    "reversed": ("5,000 nodes, the last first", lambda: 'output_names = ["a4999"]\n' + "".join(
        node(f"a{n}", f'["a{n - 1}"]' if n else _INPUT) for n in reversed(range(5_000)))),
    "wide": ("each of 400 nodes takes all before it", lambda: _wide(400)),
    "outputs": ("one output 10,000 times", lambda: f'output_names = {["a"] * 10_000}\n' + node("a")),
    "overflow": ("a million outputs of a node as features", lambda: node("a", _INPUT, "Conv2D", f"features = {2**62}"
        "\nwindow = 1") + node("b", '["a"]', "Conv2D", f"features = {2**62}\nwindow = 1")),
}  # fmt: skip


def _write(text: str | Callable[[], str]) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        body = text if isinstance(text, str) else text()
        head = _HEAD.splitlines(keepends=True)[0] if body.startswith("input_shape") else _HEAD
        path.write_text(head + body)

    return write


CASES = (
    *(Case(f"graph_{name}.toml", "model", about, _write(text)) for name, (about, text) in _REFUSED.items()),
    *(Case(f"graph_{name}.toml", "model", about, _write(text), (0, 2)) for name, (about, text) in _LARGE.items()),
)
