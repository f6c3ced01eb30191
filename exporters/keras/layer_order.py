"""The order in which Keras lists the layers of a functional model, by which it numbers them in a file of weights."""

from collections.abc import Mapping, Sequence

from cnnkit.exporters.keras.keras_layer import KerasLayer, KerasPlace


def order_layers(layers: Sequence[KerasLayer], outputs: Sequence[KerasPlace]) -> list[KerasLayer]:
    """Return the layers that lead to the outputs, those farthest from them first, and all inputs.

    A layer's depth is the longest way from it to an output; layers of one depth come in the order in which a
    depth-first search from the outputs meets them (Keras 3, keras/src/ops/function.py, map_graph).
    """
    named = {layer.name: layer for layer in layers}
    calls, met = _sort_calls(named, outputs)
    depths, of_layers = dict[KerasPlace, int](), dict[str, int]()
    for call in reversed(calls):
        depth = max(depths.get(call, 0), of_layers.get(call.layer, 0))
        of_layers[call.layer] = depths[call] = depth
        for before in _list_inputs(named, call):
            depths[before] = max(depth + 1, depths.get(before, 0))
    for layer in layers:
        if layer.kind == "InputLayer" and layer.name not in of_layers:
            of_layers[layer.name], met[layer.name] = 0, -1
    return sorted((named[name] for name in of_layers), key=lambda layer: (-of_layers[layer.name], met[layer.name]))


def _sort_calls(
    named: Mapping[str, KerasLayer], outputs: Sequence[KerasPlace]
) -> tuple[list[KerasPlace], dict[str, int]]:
    """Return all calls, each after those that it takes its inputs from, and when each layer was met first."""
    done, met = dict[KerasPlace, None](), dict[str, int]()
    waiting = [(place, False) for place in reversed(outputs)]
    while waiting:
        place, finished = waiting.pop()
        if finished:
            done.setdefault(place)
        elif place not in done:
            met.setdefault(place.layer, len(met))
            waiting.append((place, True))
            waiting += [(before, False) for before in reversed(_list_inputs(named, place)) if before not in done]
    return list(done), met


def _list_inputs(named: Mapping[str, KerasLayer], place: KerasPlace) -> tuple[KerasPlace, ...]:
    calls = named[place.layer].calls
    return calls[place.call] if calls else ()
