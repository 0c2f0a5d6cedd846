"""The VQGAN in plain PyTorch: a baseline.

The same networks, losses and two optimizers as `keras_vq.zoo.vqgan()` without a
perceptual loss, written the way the public implementation writes them: channels
first, attention at the smallest size, an adaptive weight from two gradients at
the last layer, and the quantizer of `peer_vqvae.py`.
"""

import math

import torch
import torch.nn.functional as F
from peer_vqvae import Quantizer
from torch import nn


def normalization(channels):
    return nn.GroupNorm(math.gcd(32, channels), channels, eps=1e-6)


def activated_conv(inputs, outputs):
    conv = nn.Conv2d(inputs, outputs, 3, padding=1)
    return nn.Sequential(normalization(inputs), nn.SiLU(), conv)


class Residual(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.first = activated_conv(inputs, outputs)
        self.second = activated_conv(outputs, outputs)
        self.skip = nn.Identity()
        if inputs != outputs:
            self.skip = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        return self.skip(x) + self.second(self.first(x))


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = normalization(channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.outputs = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        parts = self.qkv(self.norm(x)).flatten(2).transpose(1, 2).chunk(3, -1)
        y = F.scaled_dot_product_attention(*(part[:, None] for part in parts))
        return x + self.outputs(y[:, 0].transpose(1, 2).reshape(x.shape))


class Downsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x):
        return self.conv(F.pad(x, (0, 1, 0, 1)))


def middle(channels):
    return [
        Residual(channels, channels),
        Attention(channels),
        Residual(channels, channels),
    ]


def blocks(inputs, outputs, count, attention):
    """Residual blocks at one size."""
    found = []
    for i in range(count):
        found.append(Residual(outputs if i else inputs, outputs))
        if attention:
            found.append(Attention(outputs))
    return found


def encoder(output_dim, hidden_dim, multipliers, num_residual_layers):
    layers = [nn.Conv2d(3, hidden_dim, 3, padding=1)]
    channels = hidden_dim
    for level, multiplier in enumerate(multipliers):
        if level > 0:
            layers.append(Downsample(channels))
        is_last = level == len(multipliers) - 1
        width = hidden_dim * multiplier
        layers += blocks(channels, width, num_residual_layers, is_last)
        channels = width
    layers += middle(channels)
    return nn.Sequential(*layers, activated_conv(channels, output_dim))


def decoder(input_dim, hidden_dim, multipliers, num_residual_layers):
    channels = hidden_dim * multipliers[-1]
    layers = [nn.Conv2d(input_dim, channels, 3, padding=1), *middle(channels)]
    for level, multiplier in enumerate(reversed(multipliers)):
        if level > 0:
            layers.append(nn.Upsample(scale_factor=2))
            layers.append(nn.Conv2d(channels, channels, 3, padding=1))
        width = hidden_dim * multiplier
        layers += blocks(channels, width, num_residual_layers + 1, level == 0)
        channels = width
    return nn.Sequential(*layers, activated_conv(channels, 3))


def discriminator(hidden_dim=64, num_layers=3):
    layers = [nn.Conv2d(3, hidden_dim, 4, stride=2, padding=1)]
    layers.append(nn.LeakyReLU(0.2))
    channels = hidden_dim
    for level in range(1, num_layers + 1):
        width = hidden_dim * min(2**level, 8)
        stride = 2 if level < num_layers else 1
        # "Same" padding of inputs of an even size.
        layers.append(nn.ZeroPad2d((1, 3 - stride, 1, 3 - stride)))
        layers.append(nn.Conv2d(channels, width, 4, stride, bias=False))
        layers += [nn.BatchNorm2d(width), nn.LeakyReLU(0.2)]
        channels = width
    layers.append(nn.ZeroPad2d((1, 2, 1, 2)))
    return nn.Sequential(*layers, nn.Conv2d(channels, 1, 4))


class VQGAN(nn.Module):
    def __init__(
        self,
        num_embeddings=1024,
        embedding_dim=64,
        hidden_dim=64,
        channel_multipliers=(1, 2, 4),
        num_residual_layers=2,
    ):
        super().__init__()
        sizes = (hidden_dim, channel_multipliers, num_residual_layers)
        self.encoder = encoder(embedding_dim, *sizes)
        self.quantizer = Quantizer(num_embeddings, embedding_dim)
        self.decoder = decoder(embedding_dim, *sizes)


def make_step(
    batch_size, size, hidden_dim=64, device="cpu", mixed_precision=False
):
    """A function that trains on one batch and returns the model's loss.

    With `mixed_precision` the networks compute in bfloat16, the quantizer in
    float32.
    """
    torch.manual_seed(0)
    model = VQGAN(hidden_dim=hidden_dim).to(device)
    judge = discriminator().to(device)
    optimizers = [
        torch.optim.Adam(network.parameters(), lr=1e-4, betas=(0.5, 0.9))
        for network in (model, judge)
    ]
    x = 2 * torch.rand(batch_size, 3, size, size, device=device) - 1
    last = model.decoder[-1][-1].weight

    def autocast():
        return torch.autocast(device, torch.bfloat16, mixed_precision)

    def norm_at_last(loss):
        return torch.autograd.grad(loss, last, retain_graph=True)[0].norm()

    def step():
        judge.requires_grad_(False)
        with autocast():
            z = model.encoder(x)
        loss, quantized, _ = model.quantizer(z.float())
        with autocast():
            fake = model.decoder(quantized)
            logits = judge(fake)
        nll = (fake.float() - x).abs().mean() / 2  # of images in [0, 1]
        gan = -logits.float().mean()
        adaptive = norm_at_last(nll) / (norm_at_last(gan) + 1e-4)
        loss = loss + nll + 0.8 * adaptive.clamp(0, 1e4).detach() * gan
        optimizers[0].zero_grad()
        loss.backward()
        optimizers[0].step()

        judge.requires_grad_(True)
        with autocast():
            real, fake = judge(x).float(), judge(fake.detach()).float()
        judged = (F.relu(1 - real).mean() + F.relu(1 + fake).mean()) / 2
        optimizers[1].zero_grad()
        judged.backward()
        optimizers[1].step()
        return loss.item()

    return step
