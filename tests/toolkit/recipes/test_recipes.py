import numpy as np
import pytest

from cnnkit import Model, Options, Training, load_data, recipes
from cnnkit.data import is_builtin
from cnnkit.errors import ConfigError, DataError
from cnnkit.layers import Conv2D, Dense, Residual, Sequential
from cnnkit.summary import summarise
from cnnkit.tree import flatten

PARAMETERS = {
    "diy-cnn": 8 * 9 + 8 + 10 * 1352 + 10,
    "lecture-cnn": 1_853_034,
    "scratch-mlp": 784 * 20 + 20 + 20 * 10 + 10,
    "numpy-mlp": 784 * 10 + 10 + 10 * 10 + 10,
    "bright-dark": 16 * 9 + 16 + 16 * 16 + 1,
    "digits-cnn": 16 * 9 + 16 + 32 * 16 * 9 + 32 + 512 * 64 + 64 + 64 * 10 + 10,
    "signal": 7 * (16 + 16 * 32 + 32 * 64) + 2 * (16 + 32 + 64) + 64 * 8 + 8,
    "denoiser": 9 * (16 + 16 * 32 + 32 * 32 + 16) + 4 * 32 * 16 + 16 + 32 + 32 + 16 + 1,
    "digit-sum": 9 * (16 + 16 * 32) + 16 * 32 * 64 + 64 + 16 + 32 + 64 + 1,
    "multi-digits": 9 * (12 + 12 * 24 + 24 * 64) + 2 * (12 + 24 + 64) + 64 * 10 + 10,
    "segment-digits": sum(9 * (i * o + o * o) + 4 * o for i, o in ((1, 12), (12, 24), (24, 48), (48, 24), (24, 12)))
    + 4 * (48 * 24 + 24 * 12)
    + 24
    + 12
    + 12 * 11
    + 11,
    "lenet5": 6 * 25 + 6 + 16 * 6 * 25 + 16 + 400 * 120 + 120 + 120 * 84 + 84 + 84 * 10 + 10,
    "mini-resnet": 9 * (16 + 2 * 256 + 512 + 1024 + 2048 + 4096) + 512 + 2048 + 2 * (16 * 3 + 32 * 3 + 64 * 3) + 650,
}
OUTPUTS = {
    "bright-dark": (1,),
    "signal": (8,),
    "denoiser": (1, 8, 8),
    "digit-sum": (1,),
    "segment-digits": (11, 25, 25),
}
PUBLISHED_LARGE = {  # torchvision's documentation of weights; U-Net's by hand, of figure 1 with biases
    "resnet18": 11_689_512,
    "resnet50": 25_557_032,
    "vgg16": 138_357_544,
    "mobilenet-v2": 3_504_872,
    "densenet121": 7_978_856,
    "squeezenet": 1_248_424,
    "unet": sum(9 * (i + o) * o + 2 * o for i, o in ((1, 64), (64, 128), (128, 256), (256, 512), (512, 1024)))
    + sum(4 * 2 * o * o + o + 9 * (2 * o + o) * o + 2 * o for o in (512, 256, 128, 64)) + 2 * 64 + 2,
}  # fmt: skip
PUBLISHED = {"diy-cnn": 13_610, "lecture-cnn": 1_853_034, "scratch-mlp": 15_910, "numpy-mlp": 7_960}


@pytest.mark.parametrize("name", recipes.with_data())
def test_every_recipe_builds_and_can_be_trained(name) -> None:
    recipe = recipes.get(name)
    network, shape = recipe.network()
    assert recipe.name == name
    assert recipe.description
    assert summarise(network, shape).parameters == PARAMETERS[name]
    assert network.output_shape(shape) == OUTPUTS.get(name, (10,))
    Options(**recipe.training)
    assert recipe.data == "mnist" or is_builtin(recipe.data)


def test_the_counts_are_the_published_ones() -> None:
    assert {name: PARAMETERS[name] for name in PUBLISHED} == PUBLISHED
    assert set(PARAMETERS) == set(recipes.with_data())


@pytest.mark.parametrize("name", PUBLISHED_LARGE)
def test_large_networks_have_the_published_number_of_parameters(name) -> None:
    recipe = recipes.get(name)
    network, shape = recipe.network()
    assert summarise(network, shape).parameters == PUBLISHED_LARGE[name]
    assert network.output_shape(shape) == ((2, 256, 256) if name == "unet" else (1000,))
    Options(**recipe.training)
    assert set(PUBLISHED_LARGE) | set(PARAMETERS) == set(recipes.names())


@pytest.mark.parametrize("name", [name for name in recipes.with_data() if is_builtin(recipes.get(name).data)])
def test_recipes_fit_their_data(name) -> None:
    recipe = recipes.get(name)
    network, shape = recipe.network()
    Training(Model(network, shape), load_data(recipe.data), Options(**recipe.training))


def weights(recipe, seed=0):
    network, shape = recipe.network()
    return flatten(network.init(np.random.default_rng(seed), shape).params)


def test_faithful_is_published_to_the_letter() -> None:
    """System A: weights and biases uniform in [-1, 1); here Glorot and zeros unless asked."""
    plain, published = recipes.get("diy-cnn"), recipes.get("diy-cnn").faithful()
    bound = (6 / (1352 + 10)) ** 0.5
    assert np.abs(weights(plain)["4.weight"]).max() <= bound
    assert not weights(plain)["4.bias"].any()
    drawn = weights(published)
    for name, size in (("4.weight", 13520), ("0.weight", 72), ("4.bias", 10), ("0.bias", 8)):
        assert drawn[name].size == size
        assert drawn[name].min() >= -1
        assert drawn[name].max() < 1
    assert np.abs(drawn["4.weight"]).max() > 0.99
    assert drawn["0.bias"].any()
    assert published.training == plain.training
    assert published.network()[0].layers[4] == Dense(10, True, "uniform:low=-1,high=1", "uniform:low=-1,high=1")


@pytest.mark.parametrize("name", ["scratch-mlp", "lenet5", "mini-resnet"])
def test_faithful_is_the_recipe_itself_where_nothing_differs(name) -> None:
    recipe = recipes.get(name)
    assert recipe.faithful().network() == recipe.network()
    assert recipe.faithful().training == recipe.training


def test_published_settings_of_training_count() -> None:
    recipe = recipes.recipe.parse(TEXT + '[published]\nlearning_rate = 0.5\nbias_initializer = "ones"\n', "net.toml")
    assert recipe.training == {"epochs": 2, "learning_rate": 0.1}
    assert recipe.faithful().training == {"epochs": 2, "learning_rate": 0.5}
    assert (weights(recipe.faithful())["1.bias"] == 1).all()


def test_initialized_reaches_every_layer() -> None:
    recipe = recipes.get("mini-resnet").with_initializers(weight_initializer="constant:value=0.5")
    for name, values in weights(recipe).items():
        assert (values == 0.5).all() == name.endswith("weight"), name
    inner = recipe.network()[0].layers[5]
    assert isinstance(inner, Residual)
    assert isinstance(inner.shortcut, Sequential)
    assert isinstance(inner.shortcut.layers[0], Conv2D)
    assert inner.shortcut.layers[0].weight_initializer == "constant:value=0.5"
    assert summarise(*recipe.network()).parameters == PARAMETERS["mini-resnet"]
    assert recipes.get("mini-resnet").with_initializers().network() == recipes.get("mini-resnet").network()
    with pytest.raises(ConfigError, match="initializer: expected one of"):
        recipe.with_initializers(weight_initializer="guess")


def test_an_unknown_name() -> None:
    with pytest.raises(ConfigError, match=r"expected one of bright-dark, .*, got 'lenet' \(did you mean lenet5\?\)"):
        recipes.get("lenet")
    with pytest.raises(ConfigError, match=r"got '\.\./etc/passwd'"):
        recipes.get("../etc/passwd")


# ---- a user's own file

TEXT = """
input_shape = [1, 4, 4]
[[layers]]
type = "Flatten"
[[layers]]
type = "Dense"
features = 3
"""
SETTINGS = """[training]
epochs = 2
learning_rate = 0.1
"""
TEXT += SETTINGS


def test_a_file_of_ones_own(tmp_path) -> None:
    (tmp_path / "net.toml").write_text(TEXT)
    recipe = recipes.read(tmp_path / "net.toml")
    assert (recipe.name, recipe.data) == ("net", "digits")
    assert recipe.network()[0] == Sequential((recipe.network()[0].layers[0], Dense(3)))
    assert recipe.training == {"epochs": 2, "learning_rate": 0.1}


def problem(tmp_path, text: str | bytes) -> str:
    path = tmp_path / "net.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises((ConfigError, DataError)) as caught:
        recipes.read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("input_shape", "shape", "expected keys of name, description, "),
        ("[training]", "[learning]", "got 'learning'"),
        ("epochs", "epoch", "expected settings of epochs, batch_size, .* got 'epoch'"),
        ("epochs = 2", "epochs = 2.5", "epochs: expected a whole number, got 2.5"),
        ("epochs = 2", 'epochs = "2"', "epochs: expected a whole number, got '2'"),
        ("epochs = 2", "epochs = 0", "epochs: expected >= 1, got 0"),
        ("epochs = 2", "epochs = true", "epochs: expected a whole number, got True"),
        ("epochs = 2", "shuffle = 1", "shuffle: expected true or false, got 1"),
        ("epochs = 2", "optimizer = 5", "optimizer: expected a text"),
        ("epochs = 2", 'optimizer = "sgdd"', "optimizer: expected one of adagrad, adam"),
        ("epochs = 2", 'loss = "least"', "loss: expected one of"),
        ("epochs = 2", "seed = 3", "got 'seed'"),
        ("learning_rate = 0.1", "learning_rate = inf", "learning_rate: expected > 0, got inf"),
        ("input_shape = [1, 4, 4]", "input_shape = 28", "input_shape: expected whole numbers"),
        ("input_shape = [1, 4, 4]", "input_shape = [1, 4.0, 4]", "input_shape: expected whole numbers"),
        ("input_shape = [1, 4, 4]", "", "input_shape: expected whole numbers .* got None"),
        ("input_shape = [1, 4, 4]", "name = 5\ninput_shape = [1, 4, 4]", "expected name to be a text, got 5"),
        ("features = 3", 'features = "3"', r"layers\[1\]: Dense: expected features to be a whole number"),
        ("features = 3", "features = 3\nwindow = 3", r"layers\[1\] \(Dense\): expected fields of features"),
        ("features = 3", "", r"layers\[1\] \(Dense\): expected a value for features, got none"),
        ('"Dense"', '"Dens"', r"layers\[1\]: expected type to be one of .* \(did you mean Dense\?\)"),
        ('"Flatten"', '"ReLU"', r"layer 1 \(Dense\): expected x of shape \(N, I\)"),
        (SETTINGS, "[published]\nbias_initializer = 5", "bias_initializer to be a text"),
        (SETTINGS, '[published]\nbias_initializer = "x"', "initializer: expected one of"),
        (SETTINGS, "[published]\nepochs = -2", "epochs: expected >= 1, got -2"),
        ("[training]", "[training", "not valid TOML: .*line 8"),
    ],
)  # fmt: skip
def test_a_file_that_says_nonsense(tmp_path, old, new, message) -> None:
    import re

    assert old in TEXT
    assert re.search(message, problem(tmp_path, TEXT.replace(old, new, 1)))


@pytest.mark.parametrize("table", ["training", "published"])
def test_a_value_where_a_table_belongs(tmp_path, table) -> None:
    text = f"{table} = 5\n" + TEXT[: TEXT.index("[training]")]
    assert f"expected {table} to be a table [{table}], got 5" in problem(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "input_shape: expected whole numbers"),
        (b"\x89HDF\r\n\x1a\n\xff\xfe", "expected a model file in TOML, got bytes that are not UTF-8 text"),
        (b"\0\0\0\0", "not valid TOML"),
        (b"# " + b"x" * (1 << 20), "expected a model file of at most 1 MiB, got more"),
        (b"x = " + b"[" * 100_000, "not valid TOML"),
        (b"x = " + b"9" * 10_000, "not valid TOML"),
        ("name = 'a'\nname = 'b'", "not valid TOML"),
    ],
)
def test_a_file_that_is_no_model(tmp_path, text, message) -> None:
    assert message in problem(tmp_path, text)


def test_layers_nested_without_end(tmp_path) -> None:
    inline = '{type = "Sequential", layers = [' * 300 + '{type = "ReLU"}' + "]}" * 300
    assert "not valid TOML" in problem(tmp_path, f"input_shape = [4]\nlayers = [{inline}]\n")
    tables = "".join(f'[[layers{".layers" * depth}]]\ntype = "Sequential"\n' for depth in range(400))
    assert "layers: nested too deeply" in problem(tmp_path, f"input_shape = [4]\n{tables}")


def test_a_file_that_cannot_be_read(tmp_path) -> None:
    with pytest.raises(DataError, match="No such file or directory: expected a model file in TOML"):
        recipes.read(tmp_path / "net.toml")
    with pytest.raises(DataError, match="Is a directory: expected a model file in TOML"):
        recipes.read(tmp_path)
