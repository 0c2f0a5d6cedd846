"""The default search space and objective of each factory."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class SearchSpace:
    """The default search of a factory of `keras_vq.zoo`.

    `arguments` maps names to a list of choices or a range `(low, high)`;
    `objective` is the log to minimize; `has_codes` says whether the model has
    codes whose rate can be measured.

    Example:

    >>> keras_vq.tuning.SEARCH_SPACES["vqvae"].arguments["commitment_cost"]
    (0.1, 2.0)
    """

    arguments: dict[str, Any]
    objective: str
    has_codes: bool = False


# Not `val_loss`: the commitment cost scales it, so the lowest `val_loss` would
# be that of the lowest cost.
_ERROR = "val_reconstruction_loss"

_CODEBOOK = {
    "num_embeddings": [32, 64, 128, 256, 512, 1024],
    "embedding_dim": [8, 16, 32, 64, 128],
    "commitment_cost": (0.1, 2.0),
    "ema_decay": [0.9, 0.95, 0.98, 0.99, 0.995, 0.999],
    "learning_rate": (1e-4, 3e-3),
}
_LATENT = {
    "latent_dim": [8, 16, 32, 64, 128],
    "hidden_dim": [32, 64, 128, 256],
    "learning_rate": (1e-4, 3e-3),
}
_PRIOR = {
    "hidden_dim": [32, 64, 128],
    "num_layers": [4, 6, 8, 12],
    "dropout": [0.0, 0.1, 0.2, 0.3],
    "learning_rate": (3e-4, 3e-3),
}

SEARCH_SPACES = {
    "autoencoder": SearchSpace(_LATENT, _ERROR),
    "vae": SearchSpace(_LATENT, "val_negative_elbo"),
    "cvae": SearchSpace(_LATENT, "val_negative_elbo"),
    "kl_autoencoder": SearchSpace(
        {
            "latent_dim": [4, 8, 16],
            "hidden_dim": [32, 64, 128],
            "disc_weight": (0.1, 2.0),
            "learning_rate": (3e-5, 1e-3),
        },
        _ERROR,
    ),
    "vqvae": SearchSpace(_CODEBOOK, _ERROR, has_codes=True),
    "vqvae2": SearchSpace(_CODEBOOK, _ERROR, has_codes=True),
    "stacked_vqvae": SearchSpace(_CODEBOOK, _ERROR, has_codes=True),
    "vqgan": SearchSpace(
        {
            **_CODEBOOK,
            "num_embeddings": [256, 512, 1024, 2048, 4096],
            "disc_weight": (0.1, 2.0),
            "learning_rate": (3e-5, 1e-3),
        },
        _ERROR,
        has_codes=True,
    ),
    "audio_codec": SearchSpace(
        {
            "num_embeddings": [256, 512, 1024, 2048],
            "code_dim": [4, 8, 16],
            "commitment_cost": (1e-4, 0.1),
            "hidden_dim": [16, 32, 64],
            "learning_rate": (1e-4, 3e-3),
        },
        _ERROR,
        has_codes=True,
    ),
    "pixelcnn": SearchSpace(_PRIOR, "val_loss"),
    "vqvae2_prior": SearchSpace(_PRIOR, "val_loss"),
    "transformer": SearchSpace(
        {
            **_PRIOR,
            "hidden_dim": [128, 256, 384, 512],
            "learning_rate": (1e-4, 1e-3),
        },
        "val_loss",
    ),
    "latent_diffusion": SearchSpace(
        {
            **_PRIOR,
            "hidden_dim": [128, 256, 384, 512],
            "learning_rate": (1e-4, 1e-3),
        },
        "val_loss",
    ),
    "maskgit": SearchSpace(
        {
            **_PRIOR,
            "hidden_dim": [128, 256, 384, 512],
            "learning_rate": (1e-4, 1e-3),
        },
        "val_loss",
    ),
    "vq_diffusion": SearchSpace(
        {
            **_PRIOR,
            "hidden_dim": [128, 256, 384, 512],
            "learning_rate": (1e-4, 1e-3),
        },
        "val_bound",
    ),
    "wavenet": SearchSpace(
        {
            "hidden_dim": [32, 64, 128],
            "num_stacks": [1, 2, 3, 4],
            "num_layers": [4, 6, 8, 10],
            "learning_rate": (3e-4, 3e-3),
        },
        "val_loss",
    ),
}
