"""Searches over the arguments of the factories of priors."""

from keras_vq import zoo
from keras_vq.tuning.hyper_factory import HyperFactory


class HyperPixelCNN(HyperFactory):
    """A search for the best PixelCNN of a tokenizer"s codes.

    Searched by default: depth, width, dropout and the learning rate.

    Args:
        **kwargs: `search`, `seed`, `decay_steps` and arguments of
            `keras_vq.zoo.pixelcnn`; see `keras_vq.tuning.HyperFactory`.

    Example:

    >>> import keras_tuner
    >>> tokenizer = keras_vq.zoo.vqvae((16, 16, 3), hidden_dim=8)
    >>> hypermodel = keras_vq.tuning.HyperPixelCNN(tokenizer=tokenizer)
    >>> hypermodel.build(keras_tuner.HyperParameters()).code_shape
    (4, 4)
    """

    factory = staticmethod(zoo.pixelcnn)
    objective_name = "val_loss"
    space = {
        "hidden_dim": [32, 64, 128],
        "num_layers": [4, 6, 8, 12],
        "dropout": [0.0, 0.1, 0.2, 0.3],
        "learning_rate": (3e-4, 3e-3),
    }


class HyperTransformer(HyperFactory):
    """A search for the best transformer of a tokenizer"s codes.

    Searched by default: depth, width, dropout and the learning rate.

    Args:
        **kwargs: `search`, `seed`, `decay_steps` and arguments of
            `keras_vq.zoo.transformer`; see `keras_vq.tuning.HyperFactory`.

    Example:

    >>> import keras_tuner
    >>> tokenizer = keras_vq.zoo.vqvae((16, 16, 3), hidden_dim=8)
    >>> hypermodel = keras_vq.tuning.HyperTransformer(tokenizer=tokenizer)
    >>> hypermodel.build(keras_tuner.HyperParameters()).code_shape
    (4, 4)
    """

    factory = staticmethod(zoo.transformer)
    objective_name = "val_loss"
    space = {
        "hidden_dim": [128, 256, 384, 512],
        "num_layers": [4, 6, 8, 12],
        "dropout": [0.0, 0.1, 0.2, 0.3],
        "learning_rate": (1e-4, 1e-3),
    }


class HyperVQVAE2Prior(HyperFactory):
    """A search for the best priors of a VQ-VAE-2, all levels together.

    Searched by default: depth, width, dropout and the learning rate.

    Args:
        **kwargs: `search`, `seed`, `decay_steps` and arguments of
            `keras_vq.zoo.vqvae2_prior`; see `keras_vq.tuning.HyperFactory`.

    Example:

    >>> import keras_tuner
    >>> tokenizer = keras_vq.zoo.vqvae2((16, 16, 3), hidden_dim=8)
    >>> hypermodel = keras_vq.tuning.HyperVQVAE2Prior(tokenizer=tokenizer)
    >>> hypermodel.build(keras_tuner.HyperParameters()).code_shape
    ((2, 2), (4, 4))
    """

    factory = staticmethod(zoo.vqvae2_prior)
    objective_name = "val_loss"
    space = {
        "hidden_dim": [32, 64, 128],
        "num_layers": [4, 6, 8, 12],
        "dropout": [0.0, 0.1, 0.2, 0.3],
        "learning_rate": (3e-4, 3e-3),
    }


class HyperWaveNet(HyperFactory):
    """A search for the best WaveNet of a tokenizer"s codes.

    Searched by default: depth, width and the learning rate.

    Args:
        **kwargs: `search`, `seed`, `decay_steps` and arguments of
            `keras_vq.zoo.wavenet`; see `keras_vq.tuning.HyperFactory`.

    Example:

    >>> import keras_tuner
    >>> tokenizer = keras_vq.zoo.vqvae((64, 1), hidden_dim=8)
    >>> hypermodel = keras_vq.tuning.HyperWaveNet(tokenizer=tokenizer)
    >>> hypermodel.build(keras_tuner.HyperParameters()).code_shape
    (16,)
    """

    factory = staticmethod(zoo.wavenet)
    objective_name = "val_loss"
    space = {
        "hidden_dim": [32, 64, 128],
        "num_stacks": [1, 2, 3, 4],
        "num_layers": [4, 6, 8, 10],
        "learning_rate": (3e-4, 3e-3),
    }
