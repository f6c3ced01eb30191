"""Full models in HDF5 as Keras 1 and 2 wrote them."""

import json

import h5py


def layer(kind, name, inbound=None, **fields):
    """Return the configuration of a layer; inbound: its calls in a functional model."""
    entry = {"class_name": kind, "config": {"name": name, **fields}}
    return entry if inbound is None else entry | {"name": name, "inbound_nodes": inbound}


def chain(*layers):
    """Return the configuration of a Sequential."""
    return {"class_name": "Sequential", "config": {"name": "chain", "layers": list(layers)}}


def model(layers, inputs, outputs):
    """Return the configuration of a functional model; inputs and outputs: names of layers."""
    refs = [[[name, 0, 0] for name in names] for names in (inputs, outputs)]
    fields = {"name": "model", "layers": layers, "input_layers": refs[0], "output_layers": refs[1]}
    return {"class_name": "Model", "config": fields}


def write(path, config, layers=(), **attributes):
    """Write a model with {layer: {name of a weight: array}}, and return the path."""
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["model_config"] = json.dumps(config)
        for name, value in attributes.items():
            file.attrs[name] = json.dumps(value) if isinstance(value, dict) else value
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [name.encode() for name in layers]
        for name, weights in dict(layers).items():
            own = group.create_group(name)
            own.attrs["weight_names"] = [weight.encode() for weight in weights]
            for weight, array in weights.items():
                own[weight] = array
    return path
