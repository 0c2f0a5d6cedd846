"""A GPT over codes in plain PyTorch, sampled with a cache: a baseline.

The same network as `keras_vq.networks.Transformer`, sampled the way public
implementations do it: a Python loop over positions, one cache per block.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, dim, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(2))
        self.qkv = nn.Linear(dim, 3 * dim)
        self.outputs = nn.Linear(dim, dim)
        self.mlp = nn.Sequential(
            nn.Linear(dim, 4 * dim),
            nn.GELU(approximate="tanh"),
            nn.Linear(4 * dim, dim),
        )

    def forward(self, x, cache, position):
        count, dim = x.shape
        query, key, value = (
            self.qkv(self.norms[0](x))
            .view(count, 3, self.num_heads, 1, dim // self.num_heads)
            .unbind(1)
        )
        keys, values = cache
        keys[:, :, position] = key[:, :, 0]
        values[:, :, position] = value[:, :, 0]
        seen = slice(position + 1)
        y = F.scaled_dot_product_attention(
            query, keys[:, :, seen], values[:, :, seen]
        )
        x = x + self.outputs(y.reshape(count, dim))
        return x + self.mlp(self.norms[1](x))


class GPT(nn.Module):
    def __init__(self, length, num_codes, num_layers, dim, num_heads=4):
        super().__init__()
        self.start = nn.Parameter(torch.zeros(dim))
        self.embedding = nn.Embedding(num_codes, dim)
        self.positions = nn.Parameter(0.02 * torch.randn(length, dim))
        self.blocks = nn.ModuleList(
            Block(dim, num_heads) for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(dim)
        self.logits = nn.Linear(dim, num_codes)


def make_sampler(sizes, device, num_heads=4):
    """A function that samples codes, `(count, length)`, on the host."""
    torch.manual_seed(0)
    length, dim, count = math.prod(sizes["shape"]), sizes["dim"], sizes["count"]
    model = GPT(length, sizes["codes"], sizes["layers"], dim, num_heads)
    model = model.to(device).eval()
    shape = (count, num_heads, length, dim // num_heads)

    @torch.no_grad()
    def draw():
        caches = [
            [torch.zeros(shape, device=device) for _ in range(2)]
            for _ in model.blocks
        ]
        codes = torch.zeros((count, length), dtype=torch.long, device=device)
        x = model.start.expand(count, dim)
        for position in range(length):
            x = x + model.positions[position]
            for block, cache in zip(model.blocks, caches):
                x = block(x, cache, position)
            p = model.logits(model.norm(x)).softmax(-1)
            codes[:, position] = torch.multinomial(p, 1)[:, 0]
            x = model.embedding(codes[:, position])
        return codes.cpu()

    return draw
