"""The VQ-VAE of the public PyTorch notebooks, in plain PyTorch: a baseline.

The same network as `keras_vq.zoo.vqvae()`, written the way those notebooks
write it: channels first, distances to all codes, one-hot codes, and moving
averages computed by a matrix product with the one-hot codes.
"""

import torch
import torch.nn.functional as F
from torch import nn


def residual_block(hidden_dim, residual_hidden_dim):
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(hidden_dim, residual_hidden_dim, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(residual_hidden_dim, hidden_dim, 1),
    )


class ResidualStack(nn.Module):
    def __init__(self, hidden_dim, num_layers, residual_hidden_dim):
        super().__init__()
        self.blocks = nn.ModuleList(
            residual_block(hidden_dim, residual_hidden_dim)
            for _ in range(num_layers)
        )

    def forward(self, x):
        for block in self.blocks:
            x = x + block(x)
        return F.relu(x)


class Quantizer(nn.Module):
    def __init__(self, num_embeddings, embedding_dim, decay=0.99, epsilon=1e-5):
        super().__init__()
        self.decay, self.epsilon = decay, epsilon
        codes = torch.randn(num_embeddings, embedding_dim)
        self.register_buffer("codes", codes)
        self.register_buffer("counts", torch.zeros(num_embeddings))
        self.register_buffer("sums", codes.clone())

    def forward(self, z):
        z = z.permute(0, 2, 3, 1).contiguous()
        flat = z.view(-1, z.shape[-1])
        distances = (
            flat.pow(2).sum(1, keepdim=True)
            + self.codes.pow(2).sum(1)
            - 2 * flat @ self.codes.t()
        )
        indices = distances.argmin(1, keepdim=True)
        one_hot = torch.zeros(len(flat), len(self.codes), device=z.device)
        one_hot.scatter_(1, indices, 1)
        quantized = (one_hot @ self.codes).view(z.shape)
        if self.training:
            with torch.no_grad():
                keep, new = self.decay, 1 - self.decay
                self.counts = keep * self.counts + new * one_hot.sum(0)
                total = self.counts.sum()
                smoothed = (
                    (self.counts + self.epsilon)
                    / (total + len(self.codes) * self.epsilon)
                    * total
                )
                self.sums = keep * self.sums + new * (one_hot.t() @ flat)
                self.codes = self.sums / smoothed[:, None]
        loss = 0.25 * F.mse_loss(quantized.detach(), z)
        quantized = z + (quantized - z).detach()
        p = one_hot.mean(0)
        perplexity = torch.exp(-torch.sum(p * torch.log(p + 1e-10)))
        return loss, quantized.permute(0, 3, 1, 2).contiguous(), perplexity


class VQVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 64, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(64, 128, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(128, 128, 3, padding=1),
            ResidualStack(128, 2, 32),
            nn.Conv2d(128, 64, 1),
        )
        self.quantizer = Quantizer(512, 64)
        self.decoder = nn.Sequential(
            nn.Conv2d(64, 128, 3, padding=1),
            ResidualStack(128, 2, 32),
            nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(64, 3, 4, stride=2, padding=1),
        )

    def forward(self, x):
        loss, quantized, perplexity = self.quantizer(self.encoder(x))
        return loss, self.decoder(quantized), perplexity


def make_step(batch_size, device="cpu", mixed_precision=False):
    """A function that trains on one batch and returns its loss.

    With `mixed_precision` the networks compute in bfloat16, the quantizer in
    float32.
    """
    torch.manual_seed(0)
    model = VQVAE().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    x = torch.rand(batch_size, 3, 32, 32, device=device)

    def autocast():
        return torch.autocast(device, torch.bfloat16, mixed_precision)

    def step():
        optimizer.zero_grad()
        with autocast():
            z = model.encoder(x)
        loss, quantized, _ = model.quantizer(z.float())
        with autocast():
            reconstruction = model.decoder(quantized)
        loss = loss + F.mse_loss(reconstruction.float(), x) / 0.0632
        loss.backward()
        optimizer.step()
        return loss.item()

    return step
