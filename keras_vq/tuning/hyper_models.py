"""Searches over the arguments of the factories of first-stage models."""

from keras_vq import zoo
from keras_vq.tuning.hyper_factory import HyperFactory
from keras_vq.tuning.hyper_tokenizer import HyperTokenizer

CODEBOOK = {
    "num_embeddings": [32, 64, 128, 256, 512, 1024],
    "embedding_dim": [8, 16, 32, 64, 128],
    "commitment_cost": (0.1, 2.0),
    "ema_decay": [0.9, 0.95, 0.98, 0.99, 0.995, 0.999],
    "learning_rate": (1e-4, 3e-3),
}
SIZES = {
    "latent_dim": [8, 16, 32, 64, 128],
    "hidden_dim": [32, 64, 128, 256],
    "learning_rate": (1e-4, 3e-3),
}


class HyperVQVAE(HyperTokenizer):
    """A search for the best VQ-VAE.

    Searched by default: K, D, beta, the codebook's decay and the learning rate.

    Args:
        **kwargs: `search`, `seed`, `decay_steps`, `rate_weight` and
            arguments of `keras_vq.zoo.vqvae`; see
            `keras_vq.tuning.HyperFactory`.

    Example:

    >>> import keras_tuner
    >>> hypermodel = keras_vq.tuning.HyperVQVAE(
    ...     input_shape=(8, 8, 3), hidden_dim=8,
    ...     search={"num_embeddings": [16, 32], "commitment_cost": (0.1, 2.0)})
    >>> tuner = keras_tuner.RandomSearch(
    ...     hypermodel, objective=hypermodel.objective, max_trials=2)
    >>> images = np.random.uniform(size=(16, 8, 8, 3))
    >>> tuner.search(images, validation_data=(images,), verbose=0)
    >>> best = tuner.get_best_hyperparameters()[0]
    >>> best["num_embeddings"] in (16, 32)
    True
    """

    factory = staticmethod(zoo.vqvae)
    space = CODEBOOK


class HyperVQVAE2(HyperTokenizer):
    """A search for the best VQ-VAE-2; all levels are alike.

    Searched by default: K, D, beta, the codebook's decay and the learning rate.

    Args:
        **kwargs: `search`, `seed`, `decay_steps`, `rate_weight` and
            arguments of `keras_vq.zoo.vqvae2`; see
            `keras_vq.tuning.HyperFactory`.

    Example:

    >>> import keras_tuner
    >>> hypermodel = keras_vq.tuning.HyperVQVAE2(hidden_dim=8)
    >>> hypermodel.build(keras_tuner.HyperParameters()).num_embeddings
    (512, 512)
    """

    factory = staticmethod(zoo.vqvae2)
    space = CODEBOOK


class HyperStackedVQVAE(HyperTokenizer):
    """A search for the best VQ-VAE on the codes of another.

    Searched by default: K, D, beta, the codebook's decay and the learning rate.

    Args:
        **kwargs: `search`, `seed`, `decay_steps`, `rate_weight` and
            arguments of `keras_vq.zoo.stacked_vqvae`; see
            `keras_vq.tuning.HyperFactory`.

    Example:

    >>> import keras_tuner
    >>> first_stage = keras_vq.zoo.vqvae((16, 16, 3), hidden_dim=8)
    >>> hypermodel = keras_vq.tuning.HyperStackedVQVAE(
    ...     first_stage=first_stage, hidden_dim=8)
    >>> hypermodel.build(keras_tuner.HyperParameters()).code_shape
    (3,)
    """

    factory = staticmethod(zoo.stacked_vqvae)
    space = CODEBOOK


class HyperVQGAN(HyperTokenizer):
    """A search for the best VQGAN.

    Searched by default: as for `HyperVQVAE`, and the discriminator's weight.

    Args:
        **kwargs: `search`, `seed`, `decay_steps`, `rate_weight` and
            arguments of `keras_vq.zoo.vqgan`; see
            `keras_vq.tuning.HyperFactory`.

    Example:

    >>> import keras_tuner
    >>> hypermodel = keras_vq.tuning.HyperVQGAN(
    ...     input_shape=(8, 8, 3), hidden_dim=8, disc_num_layers=1)
    >>> hypermodel.build(keras_tuner.HyperParameters()).num_embeddings
    1024
    """

    factory = staticmethod(zoo.vqgan)
    space = {
        **CODEBOOK,
        "num_embeddings": [256, 512, 1024, 2048, 4096],
        "disc_weight": (0.1, 2.0),
        "learning_rate": (3e-5, 1e-3),
    }


class HyperAutoencoder(HyperFactory):
    """A search for the best autoencoder.

    Searched by default: sizes and the learning rate.

    Args:
        **kwargs: `search`, `seed`, `decay_steps` and arguments of
            `keras_vq.zoo.autoencoder`; see `keras_vq.tuning.HyperFactory`.

    Example:

    >>> import keras_tuner
    >>> hypermodel = keras_vq.tuning.HyperAutoencoder(input_shape=(8, 8, 1))
    >>> hypermodel.build(keras_tuner.HyperParameters()).latent_shape
    (32,)
    """

    factory = staticmethod(zoo.autoencoder)
    objective_name = "val_reconstruction_loss"
    space = SIZES


class HyperVAE(HyperFactory):
    """A search for the best VAE, by its evidence lower bound.

    Searched by default: sizes and the learning rate.

    Args:
        **kwargs: `search`, `seed`, `decay_steps` and arguments of
            `keras_vq.zoo.vae`; see `keras_vq.tuning.HyperFactory`.

    Example:

    >>> import keras_tuner
    >>> hypermodel = keras_vq.tuning.HyperVAE(input_shape=(8, 8, 1))
    >>> hypermodel.build(keras_tuner.HyperParameters()).latent_shape
    (32,)
    """

    factory = staticmethod(zoo.vae)
    objective_name = "val_negative_elbo"
    space = SIZES


class HyperCVAE(HyperFactory):
    """A search for the best CVAE, by its evidence lower bound.

    Searched by default: sizes and the learning rate.

    Args:
        **kwargs: `search`, `seed`, `decay_steps` and arguments of
            `keras_vq.zoo.cvae`; see `keras_vq.tuning.HyperFactory`.

    Example:

    >>> import keras_tuner
    >>> hypermodel = keras_vq.tuning.HyperCVAE(input_shape=(8, 8, 1))
    >>> hypermodel.build(keras_tuner.HyperParameters()).latent_shape
    (32,)
    """

    factory = staticmethod(zoo.cvae)
    objective_name = "val_negative_elbo"
    space = SIZES


class HyperKLAutoencoder(HyperFactory):
    """A search for the best KL-regularized autoencoder.

    Searched by default: sizes, the discriminator's weight and the learning
    rate.

    Args:
        **kwargs: `search`, `seed`, `decay_steps` and arguments of
            `keras_vq.zoo.kl_autoencoder`; see `keras_vq.tuning.HyperFactory`.

    Example:

    >>> import keras_tuner
    >>> hypermodel = keras_vq.tuning.HyperKLAutoencoder(
    ...     input_shape=(8, 8, 3), hidden_dim=32, disc_num_layers=1)
    >>> hypermodel.build(keras_tuner.HyperParameters()).latent_shape
    (2, 2, 4)
    """

    factory = staticmethod(zoo.kl_autoencoder)
    objective_name = "val_reconstruction_loss"
    space = {
        "latent_dim": [4, 8, 16],
        "hidden_dim": [32, 64, 128],
        "disc_weight": (0.1, 2.0),
        "learning_rate": (3e-5, 1e-3),
    }
