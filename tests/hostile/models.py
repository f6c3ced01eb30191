"""Model files that are wrong, or ask for more than any machine has; and TOML that no reader should trust."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

from hostile.case import Case

HUGE = 10**400
_HEAD = 'name = "net"\ninput_shape = [1, 8, 8]\n'
_TAIL = '[[layers]]\ntype = "Flatten"\n[[layers]]\ntype = "Dense"\nfeatures = 10\n'


def _write(content: str | bytes) -> Callable[[Path], object]:
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return lambda path: path.write_bytes(data)


def _layer(fields: str, head: str = _HEAD) -> Callable[[Path], object]:
    """Write a model whose first layer has these fields."""
    return _write(f"{head}[[layers]]\n{fields}\n{_TAIL}")


def _training(settings: str, table: str = "training") -> Callable[[Path], object]:
    return _write(f"{_HEAD}[{table}]\n{settings}\n{_TAIL}")


def _sparse(size: int) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        with path.open("wb") as stream:
            stream.write(_HEAD.encode() + b"# ")
            stream.truncate(size)

    return write


def _write_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        folder = os.open(path.parent, os.O_RDONLY)
        try:  # the name of a socket has at most 107 bytes
            server.bind(f"/proc/self/fd/{folder}/{path.name}")
        finally:
            os.close(folder)


def _nested(count: int, kind: str = "Sequential", field: str = "layers", bracket: str = "[]") -> str:
    opened, closed = bracket[:1], bracket[1:]
    inner = f'{{type = "{kind}", {field} = {opened}' * count + '{type = "ReLU"}' + f"{closed}}}" * count
    return f"{_HEAD}layers = [{inner}]\n"


_TOML: dict[str, tuple[str, Callable[[Path], object]]] = {
    "empty": ("no byte", _write(b"")),
    "nul": ("zero bytes", _write(b"\0" * 100)),
    "latin1": ("not UTF-8", _write(f"{_HEAD}# caf\xe9\n".encode("latin-1"))),
    "utf16": ("UTF-16", _write((_HEAD + _TAIL).encode("utf-16"))),
    "surrogate": ("a lone surrogate", _write(f'{_HEAD}description = "\ud800"\n{_TAIL}')),
    "hdf5_head": ("the head of an HDF5 file", _write(b"\x89HDF\r\n\x1a\n" + bytes(500))),
    "deep_arrays": ("100,000 brackets", _write("x = " + "[" * 100_000)),
    "deep_tables": ("100,000 inline tables", _write("x = " + "{a = " * 100_000)),
    "deep_key": ("a key of 300,000 parts", _write("a" + ".a" * 300_000 + " = 1\n")),
    "deep_header": ("a table header of 300,000 parts", _write("[a" + ".a" * 300_000 + "]\nx = 1\n")),
    "many_keys": ("80,000 keys", _write("".join(f"k{i} = 1\n" for i in range(80_000)))),
    "digits": ("a number of 5000 digits", _layer(f'type = "Dense"\nfeatures = {"9" * 5000}')),
    "hex_digits": ("a hexadecimal number of 5000 digits", _layer(f'type = "Dense"\nfeatures = 0x{"f" * 5000}')),
    "hex_list": ("such a number in a list", _layer(f'type = "Reshape"\nshape = [0x{"f" * 5000}]')),
    "hex_setting": ("such a number as a setting", _training(f"epochs = 0x{'f' * 5000}")),
    "hex_name": ("such a number as the name", _write(f"name = 0x{'f' * 5000}\n")),
    "date": ("a date as a number", _layer('type = "Dense"\nfeatures = 1979-05-27T07:32:00Z')),
    "twice": ("a key twice", _write(f'{_HEAD}name = "again"\n{_TAIL}')),
    "table_twice": ("a table twice", _write(f"{_HEAD}[training]\n[training]\n{_TAIL}")),
    "mixed": ("layers as a list and as tables", _write(f"{_HEAD}layers = []\n{_TAIL}")),
    "open_text": ("a text without an end", _write(f'{_HEAD}description = "abc')),
    "open_lines": ("a text of lines without an end", _write(f'{_HEAD}description = """' + "abc\n" * 100_000)),
    "escape": ("a control character", _write(f'{_HEAD}description = "\x1b[31m"\n{_TAIL}')),
    "long_line": ("a key of 900,000 letters", _write("x" * 900_000 + " = 1")),
    "long_value": ("a type of 900,000 letters", _layer(f'type = "{"x" * 900_000}"')),
    "too_long": ("above 1 MiB", _write(_HEAD + "#" * (1 << 20))),
    "sparse_100m": ("100 MiB of nothing", _sparse(100 << 20)),
    "sparse_1t": ("1 TiB of nothing", _sparse(1 << 40)),
    "unknown_key": ("a key that there is not", _write(f"{_HEAD}optimiser = 1\n{_TAIL}")),
    "hostile_key": ("control marks in a key", _write(f'{_HEAD}"\\u001b[2J\\u202e" = 1\n{_TAIL}')),
}
_PLACES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "pipe": ("a pipe into which nobody writes", os.mkfifo),
    "folder": ("a folder", Path.mkdir),
    "zero": ("a device that never ends", lambda path: path.symlink_to("/dev/zero")),
    "loop": ("a link to itself", lambda path: path.symlink_to(path.name)),
    "dangling": ("a link to nothing", lambda path: path.symlink_to("nothing")),
    "socket": ("a socket", _write_socket),
}
_SHAPES: dict[str, str] = {
    "none": "", "empty": "[]", "zero": "[0]", "negative": "[-1, 8, 8]", "float": "[1, 8.0, 8]", "text": '["8"]',
    "nested": "[[1, 8, 8]]", "number": "8", "true": "[true, 8, 8]", "huge": f"[{2**63}]", "hugest": f"[{HUGE}]",
    "axes": str([1] * 17), "thousand_axes": str([1] * 1000), "table": "{a = 1}", "nan": "[nan]",
}  # fmt: skip
_FEATURES: dict[str, str] = {
    "zero": "0", "negative": "-1", "true": "true", "float": "1.5", "nan": "nan", "inf": "inf", "text": '"8"',
    "list": "[8]", "table": "{}", "huge": str(2**63), "hugest": str(HUGE), "exponent": "1e999",
    "negative_huge": f"-{HUGE}",
}  # fmt: skip
_LAYERS: dict[str, str] = {
    "no_type": "features = 3",
    "type_list": 'type = ["Dense"]',
    "type_number": "type = 5",
    "type_unknown": 'type = "Lambda"',
    "type_module": 'type = "os.system"\ncommand = "touch broken"',
    "type_dunder": 'type = "__init__"',
    "field_unknown": 'type = "Conv2D"\nfeatures = 2\nwindow = 3\nkernel = 3',
    "field_path": 'type = "Dense"\nfeatures = 3\nweights = "/etc/passwd"',
    "window_zero": 'type = "Conv2D"\nfeatures = 2\nwindow = 0',
    "window_large": 'type = "Conv2D"\nfeatures = 2\nwindow = 1000000000',
    "window_three": 'type = "Conv2D"\nfeatures = 2\nwindow = [3, 3, 3]',
    "stride_zero": 'type = "Conv2D"\nfeatures = 2\nwindow = 3\nstride = 0',
    "stride_pair": 'type = "MaxPool2D"\nwindow = 2\nstride = [1, 0]',
    "padding_negative": 'type = "Conv2D"\nfeatures = 2\nwindow = 3\npadding = -1',
    "padding_word": 'type = "Conv2D"\nfeatures = 2\nwindow = 3\npadding = "full"',
    "padding_huge": f'type = "Conv2D"\nfeatures = 2\nwindow = 3\npadding = {HUGE}',
    "pool_padding": 'type = "MaxPool2D"\nwindow = 2\npadding = 2',
    "dilation_zero": 'type = "Conv2D"\nfeatures = 2\nwindow = 3\ndilation = 0',
    "dilation_huge": f'type = "Conv2D"\nfeatures = 2\nwindow = 3\ndilation = {2**62}',
    "groups_zero": 'type = "Conv2D"\nfeatures = 2\nwindow = 3\ngroups = 0',
    "groups_three": 'type = "Conv2D"\nfeatures = 2\nwindow = 3\ngroups = 3',
    "output_padding": 'type = "ConvTranspose2D"\nfeatures = 2\nwindow = 3\noutput_padding = 1',
    "reshape": 'type = "Reshape"\nshape = [65]',
    "reshape_axes": f'type = "Reshape"\nshape = {[64] + [1] * 40}',
    "rate_one": 'type = "Dropout"\nrate = 1',
    "rate_nan": 'type = "Dropout"\nrate = nan',
    "rate_huge": f'type = "Dropout"\nrate = {HUGE}',
    "epsilon_zero": 'type = "BatchNorm"\nepsilon = 0',
    "epsilon_inf": 'type = "LayerNorm"\nepsilon = inf',
    "momentum": 'type = "BatchNorm"\nmomentum = 1e999',
    "slope": 'type = "LeakyReLU"\nslope = -inf',
    "slope_huge": f'type = "LeakyReLU"\nslope = {HUGE}',
    "approximate": 'type = "GELU"\napproximate = "sometimes"',
    "no_body": 'type = "Residual"',
    "body_text": 'type = "Residual"\nbody = "ReLU"',
    "body_shape": 'type = "Residual"\nbody = {type = "Conv2D", features = 2, window = 3}',
    "branches_empty": 'type = "Branches"\nbranches = []',
    "branches_text": 'type = "Branches"\nbranches = "adam:epsilon=1e300"',
    "branches_shape": 'type = "Branches"\nbranches = [{type = "ReLU"}, {type = "MaxPool2D", window = 2}]',
    "join": 'type = "Branches"\nbranches = [{type = "ReLU"}]\njoin = "multiply"',
    "flag": 'type = "Conv2D"\nfeatures = 2\nwindow = 3\nbias = "false"',
    "initializer_unknown": 'type = "Conv2D"\nfeatures = 2\nwindow = 3\nweight_initializer = "pickle"',
    "initializer_list": 'type = "Conv2D"\nfeatures = 2\nwindow = 3\nweight_initializer = ["he_uniform"]',
    "initializer_nan": 'type = "Conv2D"\nfeatures = 2\nwindow = 3\nbias_initializer = "constant:value=nan"',
    "initializer_range": 'type = "Conv2D"\nfeatures = 2\nwindow = 3\nbias_initializer = "uniform:low=1,high=0"',
    "initializer_wide": 'type = "Conv2D"\nfeatures = 2\nwindow = 3\nbias_initializer = "uniform:low=-1e308,high=1e308"',
}
_SETTINGS: dict[str, str] = {
    "epochs_zero": "epochs = 0", "epochs_float": "epochs = 1e30", "epochs_true": "epochs = true",
    "epochs_text": 'epochs = "3"', "epochs_huge": f"epochs = {10**30}", "batch_size_huge": f"batch_size = {HUGE}",
    "batch_size_list": "batch_size = [32]", "rate_zero": "learning_rate = 0", "rate_negative": "learning_rate = -1.0",
    "rate_nan": "learning_rate = nan", "rate_inf": "learning_rate = inf", "rate_text": 'learning_rate = "0.1"',
    "rate_huge": f"learning_rate = {HUGE}", "optimizer_unknown": 'optimizer = "evolution"',
    "optimizer_number": "optimizer = 3", "momentum_nan": 'optimizer = "sgd:momentum=nan"',
    "momentum_two": 'optimizer = "sgd:momentum=2"', "beta_one": 'optimizer = "adam:beta1=0.99999999999999999999"',
    "epsilon_negative": 'optimizer = "adam:epsilon=-1"', "clip_tiny": 'optimizer = "sgd:clip_norm=1e-300"',
    "option_twice": 'optimizer = "sgd:momentum=0.9,momentum=0.8"', "option_unknown": 'optimizer = "sgd:__class__=1"',
    "schedule_zero": 'schedule = "step:epochs=0"', "schedule_huge": f'schedule = "step:epochs={10**30}"',
    "schedule_nan": 'schedule = "onecycle:start=nan"', "schedule_inside": 'schedule = "warmup:then=warmup"',
    "rates_number": "learning_rates = 3", "rates_zero": 'learning_rates = {"0" = 0}',
    "rates_nan": 'learning_rates = {"0" = nan}', "rates_text": 'learning_rates = ["0=fast"]',
    "rates_nested": 'learning_rates = {"0" = {"weight" = 1}}', "rates_empty": 'learning_rates = ["=1"]',
    "rates_many": f"learning_rates = {['0=1'] * 2000}", "plateau_gamma": 'schedule = "plateau:gamma=1"',
    "restarts_huge": f'schedule = "restarts:growth={10**30}"', "decay_all": 'optimizer = "adamw:decay_all=1"',
    "loss_unknown": 'loss = "accuracy"', "loss_negative": 'loss = "huber:delta=-1"', "loss_list": 'loss = ["l1"]',
    "split_one": "validation_split = 1.0", "split_nan": "validation_split = nan", "patience_alone": "patience = 3",
    "patience_zero": "patience = 0\nvalidation_split = 0.1", "shuffle": "shuffle = 1", "unknown": "limit = 3",
}  # fmt: skip
# What `summary` counts although no machine could train it.
_LARGE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "features_2_32": ("4,294,967,296 features", _layer(f'type = "Conv2D"\nfeatures = {2**32}\nwindow = 3')),
    "features_2_63": ("the most features there are", _layer(f'type = "Conv2D"\nfeatures = {2**63 - 1}\nwindow = 3')),
    "ten_billion": ("ten billion parameters", _layer('type = "Conv2D"\nfeatures = 156250000\nwindow = 1')),
    "padding": ("an image of 10**18 pixels", _layer('type = "Conv2D"\nfeatures = 1\nwindow = 3\npadding = 500000000')),
    "stride": (
        "an image enlarged to 10**18 pixels",
        _layer(f'type = "ConvTranspose2D"\nfeatures = 1\nwindow = 3\nstride = {2**27}'),
    ),
    "input": ("an input of 2**189 values", _write(f"input_shape = {[2**63 - 1] * 3}\n{_TAIL}")),
    "axes": ("an input of 2**1008 values", _write(f"input_shape = {[2**63 - 1] * 16}\n{_TAIL}")),
    "layers": ("20,000 layers", _write(_HEAD + '[[layers]]\ntype = "ReLU"\n' * 20_000 + _TAIL)),
    "constant": (
        "weights of 1e300",
        _layer('type = "Conv2D"\nfeatures = 2\nwindow = 3\nbias_initializer = "constant:value=1e300"'),
    ),
    "epochs": ("2**63 - 1 epochs", _training(f"epochs = {2**63 - 1}\nbatch_size = {2**63 - 1}")),
    "gamma": ("a learning rate without a limit", _training('schedule = "step:epochs=1,gamma=1e300"')),
    "warmup": ("a warm-up of 1e308 epochs", _training('schedule = "warmup:epochs=1e308"')),
    "marks": (
        "control and bidi marks in the name",
        _write(f'name = "\\u001b[31m\\u202eexe"\ninput_shape = [1, 8, 8]\n{_TAIL}'),
    ),
    "long_name": ("a name of 900,000 letters", _write(f'name = "{"n" * 900_000}"\ninput_shape = [1, 8, 8]\n{_TAIL}')),
}  # fmt: skip

CASES = (
    *(Case(f"toml_{name}.toml", "model", about, write) for name, (about, write) in _TOML.items()),
    *(Case(f"place_{name}.toml", "model", about, write) for name, (about, write) in _PLACES.items()),
    *(
        Case(f"shape_{name}.toml", "model", f"input_shape: {value:.60}", _write(f"input_shape = {value}\n{_TAIL}"))
        for name, value in _SHAPES.items()
    ),
    *(
        Case(
            f"features_{name}.toml", "model", f"features = {value:.60}",
            _layer(f'type = "Conv2D"\nwindow = 3\nfeatures = {value}'),
        )
        for name, value in _FEATURES.items()
    ),
    *(Case(f"layer_{name}.toml", "model", fields[:80], _layer(fields)) for name, fields in _LAYERS.items()),
    *(Case(f"setting_{name}.toml", "model", text[:80], _training(text)) for name, text in _SETTINGS.items()),
    *(Case(f"large_{name}.toml", "model", about, write, (0,)) for name, (about, write) in _LARGE.items()),
    Case("nested_sequential.toml", "model", "300 layers inside each other", _write(_nested(300))),
    Case("nested_residual.toml", "model", "300 residuals", _write(_nested(300, "Residual", "body", ""))),
    Case("nested_some.toml", "model", "20 layers inside each other", _write(_nested(20)), (0,)),
    Case("layers_table.toml", "model", "layers as a table", _write(f'{_HEAD}[layers]\ntype = "ReLU"\n')),
    Case("layers_text.toml", "model", "layers as a text", _write(f'{_HEAD}layers = "ReLU"\n')),
    Case("layers_numbers.toml", "model", "layers as numbers", _write(f"{_HEAD}layers = [1, 2]\n")),
    Case("layers_bare.toml", "model", "90,000 layers of no type", _write(_HEAD + "[[layers]]\n" * 90_000)),
    Case("training_list.toml", "model", "training as a list", _write(f"{_HEAD}training = [1]\n{_TAIL}")),
    Case("published.toml", "model", "published settings that cannot be", _training("epochs = -1", "published")),
    Case("published_key.toml", "model", "an unknown published setting", _training("seed = 1", "published")),
    Case("data_number.toml", "model", "data as a number", _write(f"data = 5\n{_HEAD}{_TAIL}")),
)  # fmt: skip
