from typing import Any

import keras

from keras_vq.training import Model


def load(preset: str, **kwargs: Any) -> keras.Model:
    """Load a trained model from the zoo, a folder or Hugging Face.

    The zoo's smaller models come with the package: nothing is downloaded. Each
    has a model card, `zoo/NAME/README.md`, with its metrics and the command
    that trained it. The model is not compiled: to train it further, `compile`
    it first.

    Args:
        preset: Name of a preset of the zoo (the class attribute `presets` of a
            model lists those of its class), the path of a folder that
            `save_to_preset` made, or `"hf://user/repo"`.
        **kwargs: `load_weights` and arguments of the model; see `from_preset`.

    Returns:
        A model, such as `keras_vq.models.VQVAE` or `keras_vq.LatentGenerator`.

    Raises:
        ValueError: If there is no such preset, or it is damaged.

    Example:

    >>> tokenizer = keras_vq.zoo.load("vqvae_mnist")
    >>> tokenizer.encode(np.zeros((2, 28, 28, 1))).shape
    (2, 7, 7)
    """
    return Model.from_preset(preset, **kwargs)
