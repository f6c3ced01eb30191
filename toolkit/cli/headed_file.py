"""`cnnkit train --init-from FILE --replace-head CLASSES`: the network of a file, its last layer anew."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cnnkit import recipes
from cnnkit.cli.loading import match_scaling, read_network_file
from cnnkit.cli.train_request import TrainRequest
from cnnkit.data.dataset import Dataset
from cnnkit.data.scaling import Scaling
from cnnkit.errors import ConfigError
from cnnkit.exporters import WeightFile
from cnnkit.files.names import printable, to_text
from cnnkit.recipes.head import replace_head

if TYPE_CHECKING:
    from cnnkit.cli.output import Output


@dataclass(frozen=True)
class HeadedFile:
    """A weight file, its network as a recipe with a new last layer, and the path of that layer."""

    file: WeightFile
    recipe: recipes.Recipe
    head: str

    def scale(self, output: "Output", dataset: Dataset) -> Dataset:
        """Return the data set with pixels scaled as the file says, where it says so."""
        stored = self.file.metadata.get("scaling")
        return dataset if stored is None else match_scaling(output, Scaling.from_json(stored), dataset)


def read_headed(request: TrainRequest) -> HeadedFile | None:
    """Return the file of --init-from with the head that --replace-head requests; None where it requests none.

    Raises ConfigError where the network comes from elsewhere, or has no last layer that can be made anew.
    """
    classes = request.replace_head
    if classes is None:
        return None
    if request.init_from is None:
        raise ConfigError("--replace-head: expected --init-from FILE, whose network it changes, got none")
    others = {"--recipe": request.recipe, "--model": request.model, "--faithful": request.faithful}
    given = [option for option, value in others.items() if value]
    if given:
        raise ConfigError(f"--replace-head: the network is that of {request.init_from}: leave {given[0]} out")
    file = read_network_file(request.output, request.init_from)
    if file.architecture is None:
        raise ConfigError(f"{request.init_from}: holds no network, so it has no head to replace")
    head = replace_head(file.architecture, classes)
    loss = file.metadata.get("loss")
    training = {"loss": loss} if isinstance(loss, str) else {}
    name = printable(to_text(request.init_from.name).partition(".")[0], 100)
    recipe = recipes.Recipe(name, head.description, training=training)
    if request.initializer:
        recipe = recipe.with_initializers(weight_initializer=request.initializer)
    request.output.note(f"{name}: {head.path} is made anew for {classes} classes")
    tensors = tuple(tensor for tensor in file if tensor.layer != head.path)
    return HeadedFile(replace(file, tensors=tensors), recipe, head.path)
