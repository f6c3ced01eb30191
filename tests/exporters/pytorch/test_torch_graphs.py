"""The state_dict of a Graph: torch modules named like its nodes load it and compute the same."""

import numpy as np
import torch
from graphs import compute_outputs, draw_samples, make_model
from torch import nn

from cnnkit.exporters import write


class Siamese(nn.Module):
    """The network `siamese` in PyTorch."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3, stride=2, padding=1)
        body = nn.Module()
        body.body = nn.Conv2d(3, 3, 1)
        self.inner = nn.Sequential(nn.ReLU(), body)
        self.code = nn.Linear(36, 4)
        self.deeper = nn.Module()
        self.deeper.score = nn.Linear(4, 1)

    def encode(self, x):
        x = self.inner[0](self.conv(x))
        return self.code((self.inner[1].body(x) + x).flatten(1))

    def forward(self, left, right):
        return self.deeper.score((self.encode(left) - self.encode(right)) ** 2)


class DenseBlocks(nn.Module):
    """The network `dense_blocks` in PyTorch, with running statistics."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, padding=1)
        for k, channels in enumerate((4, 7, 10)):
            self.add_module(f"norm{k}", nn.BatchNorm2d(channels))
            self.add_module(f"conv{k}", nn.Conv2d(channels, 3, 3, padding=1))
        self.hidden, self.classes = nn.Linear(260, 5), nn.Linear(265, 3)

    def forward(self, x):
        maps = [self.stem(x)]
        for k in range(3):
            x = getattr(self, f"norm{k}")(torch.cat(maps, 1)).relu()
            maps.append(getattr(self, f"conv{k}")(x))
        flat = torch.cat(maps, 1).flatten(1)
        both = (flat + nn.functional.leaky_relu(flat) + flat) / 3
        return self.classes(torch.cat((self.hidden(both), flat), 1))


def test_torch_loads_the_weights_of_nodes_by_their_names(tmp_path, assert_close):
    for name, module in (("siamese", Siamese()), ("dense_blocks", DenseBlocks())):
        model = make_model(name)
        samples = draw_samples(model)
        write(model.to_weights(), tmp_path / f"{name}.pt", "torch")
        state = torch.load(tmp_path / f"{name}.pt", weights_only=True)
        module.eval().load_state_dict(state)  # strict: no name is missing and none is left
        with torch.no_grad():
            outputs = module(*(torch.from_numpy(x) for x in samples.values())).numpy()
        (ours,) = compute_outputs(model, samples).values()
        assert_close(outputs, ours, "float32")
        assert np.ptp(ours, axis=0).max() > 1e-4
