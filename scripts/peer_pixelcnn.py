"""A gated PixelCNN over maps of codes in plain PyTorch: a baseline.

The same network as `keras_vq.networks.PixelCNN`, sampled the way public
implementations do it: the whole network runs once per code.
"""

import torch
import torch.nn.functional as F
from torch import nn


def gate(x):
    a, b = x.chunk(2, 1)
    return torch.tanh(a) * torch.sigmoid(b)


class GatedMaskedConv(nn.Module):
    def __init__(self, inputs, filters, kernel_size, mask_type):
        super().__init__()
        self.half, self.is_b = kernel_size // 2, mask_type == "B"
        reach = self.half + self.is_b
        self.vertical = nn.Conv2d(inputs, 2 * filters, (reach, kernel_size))
        self.horizontal = nn.Conv2d(inputs, 2 * filters, (1, reach))
        self.link = nn.Conv2d(2 * filters, 2 * filters, 1, bias=False)
        self.mix = nn.Conv2d(filters, filters, 1)

    def forward(self, vertical, horizontal):
        height, width = vertical.shape[2:]
        half = self.half
        v = self.vertical(F.pad(vertical, (half, half, half, 0)))[:, :, :height]
        h = self.horizontal(F.pad(horizontal, (half, 0)))[..., :width]
        h = self.mix(gate(h + self.link(v)))
        return gate(v), h + horizontal if self.is_b else h


class PixelCNN(nn.Module):
    def __init__(
        self, code_shape, num_embeddings, hidden_dim=64, num_layers=10
    ):
        super().__init__()
        self.code_shape = code_shape
        self.embedding = nn.Embedding(num_embeddings, hidden_dim)
        self.convs = nn.ModuleList(
            GatedMaskedConv(
                hidden_dim, hidden_dim, 3 if i else 7, "B" if i else "A"
            )
            for i in range(num_layers)
        )
        self.hidden = nn.Conv2d(hidden_dim, hidden_dim, 1)
        self.logits = nn.Conv2d(hidden_dim, num_embeddings, 1)

    def forward(self, codes):
        vertical = horizontal = self.embedding(codes).permute(0, 3, 1, 2)
        for conv in self.convs:
            vertical, horizontal = conv(vertical, horizontal)
        return self.logits(F.relu(self.hidden(F.relu(horizontal))))

    @torch.no_grad()
    def generate(self, count):
        device = self.embedding.weight.device
        shape = (count, *self.code_shape)
        codes = torch.zeros(shape, dtype=torch.long, device=device)
        for row in range(self.code_shape[0]):
            for column in range(self.code_shape[1]):
                p = self(codes)[:, :, row, column].softmax(-1)
                codes[:, row, column] = torch.multinomial(p, 1)[:, 0]
        return codes.cpu().numpy()
