import torch
from torch import nn

from inference.mediqa.network import Network
from inference.mediqa.network.profiles import NetworkConfig
from inference.mediqa.pretraining.normalisation import SteadyStatistics

CONFIG = NetworkConfig(tile=64, widths=(4, 8, 8, 16), channels=16, prompt_size=8, heads=2, window=2)


def first_layer(network: Network) -> nn.BatchNorm2d:
    return next(layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d))


def test_statistics_for_use_are_plain_means_over_all_batches():
    """The first batches count as much as the last, which running means with a memory of ten would forget."""
    torch.manual_seed(0)
    network = Network(CONFIG)
    seen: list[torch.Tensor] = []
    convolution = network.encoder.layers[0][0]
    hook = convolution.register_forward_hook(lambda module, inputs, output: seen.append(output.mean(dim=(0, 2, 3))))
    with SteadyStatistics(network), torch.no_grad():
        for number in range(30):
            tiles = torch.rand(2, 1, 3, 64, 64) + number
            network.encode_slices(tiles, torch.zeros(1, dtype=torch.long), torch.zeros(2, 4, dtype=torch.long))
    hook.remove()
    torch.testing.assert_close(first_layer(network).running_mean, torch.stack(seen).mean(0), atol=1e-4, rtol=1e-4)


def test_afterwards_the_network_is_ready_for_use_and_could_be_trained_on():
    network = Network(CONFIG)
    with SteadyStatistics(network):
        assert first_layer(network).training
    assert not network.training
    assert first_layer(network).momentum == 0.1
