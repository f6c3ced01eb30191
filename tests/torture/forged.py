"""Files of trainings, honest and forged: each forgery changes one thing, and says what a verification must name.

A forger may work with care: links of the chain are made anew behind a changed one, a changed option stands wherever the
file tells it.
"""

import copy
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import numpy as np

from cnnkit import Options, Sequential, Training, load_data
from cnnkit.data import Dataset
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.layers import BatchNorm, Conv2D, Dense, Flatten, ReLU
from cnnkit.network import Network
from cnnkit.training import checkpoint, evaluate
from cnnkit.training.hash_chain import HashChain
from cnnkit.training.run import identity
from torture.forged_places import OPTIONS, PLACES

NETWORK = Sequential((Conv2D(3, 3, bias=False), BatchNorm(), ReLU(), Flatten(), Dense(10)))
BASE = {
    "limit": 80, "epochs": 2, "batch_size": 16, "validation_split": 0.2, "keep_every": 2, "schedule": "cosine",
    "seed": 3, "learning_rate": 0.01,
}  # 4 updates an epoch  # fmt: skip


def train(dataset: Dataset, backend: str = "numpy", numerics: str = "plain", **options: Any) -> WeightFile:
    """Return the file of a training, as `cnnkit train` writes it."""
    settings = Options(**(BASE | options))
    model = Network(NETWORK, dataset.image_shape, backend=backend, numerics=numerics, seed=settings.seed)
    return finish(Training(model, dataset, settings))


def finish(training: Training) -> WeightFile:
    """Return the file of a training after its end, with what the command line tells of it."""
    model, dataset = training.model, training.dataset
    run = identity(model, dataset, training.options, "own")
    data = {"name": dataset.name, "sha256": dataset.fingerprint()}
    model.metadata |= {"recipe": "own", "data": data, "run": run}
    for _ in training.epochs():
        pass
    model.metadata["test"] = evaluate(model, dataset, "test", 50).summarise()
    return checkpoint.to_weights(training)


@dataclass(frozen=True)
class Forgery:
    """A forged file, the data that lie beside it, and what the verdict or the refusal must name.

    what: what was changed, for people.
    """

    what: str
    file: WeightFile
    data: Dataset
    names: tuple[str, ...]


Forge = Callable[[Random, WeightFile, Dataset], Forgery]


def _change(file: WeightFile, **parts: Any) -> WeightFile:
    """Return the file with other values at paths such as metadata__run__seed."""
    metadata, position = copy.deepcopy(file.metadata), copy.deepcopy(file.position)
    for path, value in parts.items():
        *folders, name = path.split("__")
        place: Any = {"metadata": metadata, "position": position}
        for folder in folders:
            place = place[int(folder) if folder.isdecimal() else folder]
        place[int(name) if isinstance(place, list) else name] = value
    return replace(file, metadata=metadata, position=position)


def forge_bit(random: Random, file: WeightFile, data: Dataset) -> Forgery:
    """Change one bit of one tensor: a weight, a running statistic, a slot of the optimizer."""
    tensors = [tensor for tensor in file.tensors if tensor.parameters]
    number = random.randrange(len(tensors))
    tensor = tensors[number]
    values = np.array(tensor.read())
    bits = values.reshape(-1).view(np.uint32)
    bits[random.randrange(bits.size)] ^= np.uint32(1 << random.randrange(32))
    tensors[number] = Tensor.of(
        tensor.name, values, layer=tensor.layer, kind=tensor.kind, role=tensor.role, axes=tensor.axes
    )
    return Forgery(
        f"a bit of {tensor.kind} {tensor.name}",
        replace(file, tensors=tuple(tensors)),
        data,
        (tensor.name.rpartition("latest.")[2].split(".", 1)[-1],),
    )


def forge_history(random: Random, file: WeightFile, data: Dataset) -> Forgery:
    """Change one figure of one epoch, in one place or in both."""
    history = file.metadata["history"]
    epoch = random.randrange(len(history))
    name = random.choice([name for name in history[epoch] if name != "seconds"])
    value = history[epoch][name]
    value = value + 1 if isinstance(value, int) else float(np.nextafter(value, random.choice([-1, 9])))
    places = {
        f"{part}__history__{epoch}__{name}": value
        for part in random.choice([["metadata"], ["position"], ["metadata", "position"]])
    }
    return Forgery(
        f"history: {name} of epoch {epoch + 1} in {len(places)} places", _change(file, **places), data, ("history",)
    )


def forge_row(random: Random, file: WeightFile, data: Dataset) -> Forgery:
    """Leave a row of the history out, repeat one, or exchange two, everywhere."""
    history = copy.deepcopy(file.metadata["history"])
    how = random.choice(["left out", "repeated", "exchanged"])
    history = {"left out": history[:-1], "repeated": [*history, history[-1]], "exchanged": history[::-1]}[how]
    return Forgery(
        f"history: a row {how}", _change(file, metadata__history=history, position__history=history), data, ("history",)
    )


def forge_option(random: Random, file: WeightFile, data: Dataset) -> Forgery:
    """Tell another option than that of the training."""
    name = random.choice(list(OPTIONS))
    value = random.choice(OPTIONS[name])
    changes = {f"metadata__run__options__{name}": value}
    if name in ("seed", "loss") and random.random() < 0.7:
        changes[f"metadata__{name}"] = value
    return Forgery(f"option {name}: {value}", _change(file, **changes), data, ())


def forge_data(random: Random, file: WeightFile, data: Dataset) -> Forgery:
    """Change a pixel, a label, or the order of two samples; with care the hash in the file is that of these data."""
    images, labels = np.array(data.train.images), np.array(data.train.labels)
    how, index = random.choice(["pixel", "label", "order"]), random.randrange(80)
    if how == "pixel":
        images[index, 0, random.randrange(8), random.randrange(8)] ^= 1
    elif how == "label":
        labels[index] = (labels[index] + 1) % 10
    else:
        other = (index + random.randrange(1, 80)) % 80
        images[[index, other]], labels[[index, other]] = images[[other, index]], labels[[other, index]]
    forged = replace(data, train=type(data.train)(images, labels))
    if random.random() < 0.3:
        return Forgery(f"data: {how}", file, forged, ("SHA-256",))
    sha = forged.fingerprint()
    return Forgery(
        f"data with their hash: {how}",
        _change(file, metadata__data__sha256=sha, metadata__run__data__sha256=sha),
        forged,
        (),
    )


def forge_chain(random: Random, file: WeightFile, data: Dataset) -> Forgery:
    """Change a hash, a digest, the order or number of links; with care what follows is made anew."""
    stored = copy.deepcopy(file.position["chain"])
    chain = HashChain.from_json(stored, stored["every"], stored["tensors"], file.position["step"])
    number, how = (
        random.randrange(len(chain.links)),
        random.choice(["hash", "hash made anew", "digest", "order", "less", "tensor"]),
    )
    link, tensor = chain.links[number], random.randrange(len(chain.names))
    if how.startswith("hash"):
        wrong = [bytearray(value) for value in link.hashes]
        wrong[tensor][random.randrange(16)] ^= 1 << random.randrange(8)
        links = [item.hashes for item in chain.links]
        links[number] = tuple(map(bytes, wrong))
        if how == "hash":
            chain.links[number] = link._replace(hashes=links[number])
        else:
            chain = remake(chain, links)
    elif how == "digest":
        chain.links[number] = link._replace(digest=bytes([link.digest[0] ^ 1]) + link.digest[1:])
    elif how == "order":
        chain = remake(chain, [item.hashes for item in chain.links[::-1]])
    elif how == "less":
        chain.links.pop(number)
    else:
        names = list(chain.names)
        names[tensor], names[tensor - 1] = names[tensor - 1], names[tensor]
        chain = remake(HashChain(chain.every, tuple(names), chain.links), [item.hashes for item in chain.links])
    return Forgery(f"chain: {how} of link {number}", _change(file, position__chain=chain.to_json()), data, ("chain",))


def remake(chain: HashChain, hashes: list[tuple[bytes, ...]]) -> HashChain:
    """Return a chain of these hashes whose links follow from each other."""
    made = HashChain(chain.every, chain.names)
    for link in hashes:
        made._append(link)
    return made


def forge_place(random: Random, file: WeightFile, data: Dataset) -> Forgery:
    """Change an entry of metadata or position: what was kept, counts, versions, kernels, names, test figures."""
    path = random.choice(list(PLACES))
    value, names = PLACES[path]
    return Forgery(f"{path.replace('__', ' ')}: {value}", _change(file, **{path: value}), data, names)


def forge_architecture(random: Random, file: WeightFile, data: Dataset) -> Forgery:
    """Change a field of a layer that no shape tells, in one place or in both."""
    changed = copy.deepcopy(file.architecture)
    layer, field, value = random.choice(
        [(1, "momentum", 0.2), (1, "epsilon", 1e-3), (0, "weight_initializer", "glorot")]
    )
    assert changed["layers"][layer][field] != value, field
    changed["layers"][layer][field] = value
    forged = replace(file, architecture=changed)
    if random.random() < 0.6:
        forged = _change(forged, metadata__run__architecture=copy.deepcopy(changed))
    return Forgery(f"architecture: {field} of layer {layer}", forged, data, ())


def forge_run(random: Random, file: WeightFile, data: Dataset) -> Forgery:
    """Train in another way and tell that it was this one: all is made with care, but the bits are others."""
    claimed = file.metadata["run"]
    how = random.choice([{"learning_rate": 0.011}, {"shuffle": False}, {"seed": 9}, {"optimizer": "adam:beta1=0.8"}])
    other = _train_once(tuple(how.items()))
    forged = _change(other, metadata__run=copy.deepcopy(claimed), metadata__seed=file.metadata["seed"])
    return Forgery(f"another training: {how}", forged, data, ("chain",))


@functools.cache
def _train_once(options: tuple[tuple[str, Any], ...]) -> WeightFile:
    return train(load_data("digits"), **dict(options))


FORGES: tuple[Forge, ...] = (
    forge_bit,
    forge_bit,
    forge_history,
    forge_row,
    forge_option,
    forge_option,
    forge_data,
    forge_chain,
    forge_chain,
    forge_place,
    forge_place,
    forge_architecture,
    forge_run,
)


def list_forgeries(count: int, seed: int, file: WeightFile, data: Dataset) -> Iterator[Forgery]:
    """Yield forgeries of all sorts, one sort after the other."""
    random = Random(seed)
    for number in range(count):
        yield FORGES[number % len(FORGES)](random, file, data)
