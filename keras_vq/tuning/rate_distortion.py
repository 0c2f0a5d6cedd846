import math

import keras

from keras_vq.checks import check_number


class RateDistortion(keras.callbacks.Callback):
    """Callback that adds the rate of the codes to the logs of each epoch.

    For the validation data, summed over all codes of an input:

    ```
    val_bits_per_pixel  = sum(log2(perplexity)) / number of pixels
    val_rate_distortion = val_reconstruction_loss
                          + rate_weight * val_bits_per_pixel
    ```

    An entropy coder that knows how often each code occurs needs
    `log2(perplexity)` bits per code. List this callback before those that read
    its logs.

    Args:
        rate_weight: float >= 0, the reduction in error that justifies one more
            bit per pixel. Defaults to 0.05.

    Raises:
        ValueError: If `rate_weight` is negative, or if there are no validation
            data.

    Example:

    >>> model = keras_vq.zoo.vqvae((8, 8, 3), hidden_dim=8)
    >>> images = np.random.uniform(size=(4, 8, 8, 3))
    >>> history = model.fit(
    ...     images, validation_data=(images,), verbose=0,
    ...     callbacks=[keras_vq.tuning.RateDistortion(0.1)])
    >>> 0 <= history.history["val_bits_per_pixel"][0] <= 9 * 4 / 64
    True
    """

    def __init__(self, rate_weight=0.05):
        super().__init__()
        self.rate_weight = check_number("rate_weight", rate_weight, at_least=0)

    def on_epoch_end(self, epoch, logs=None):
        found = [v for k, v in logs.items() if k.startswith("val_perplexity")]
        if not found:
            raise ValueError(
                "Rate and distortion are measured on validation data. Pass "
                "`validation_data` to `fit` or `search`."
            )
        pixels = math.prod(self.model.input_shape[:-1])
        bits = sum(
            positions * math.log2(max(perplexity, 1.0))
            for positions, perplexity in zip(
                _positions(self.model), found, strict=True
            )
        )
        logs["val_bits_per_pixel"] = bits / pixels
        logs["val_rate_distortion"] = (
            logs["val_reconstruction_loss"] + self.rate_weight * bits / pixels
        )


def _positions(model):
    """list of int, positions of an input that each codebook encodes."""
    return [
        math.prod(shape) // quantizer.codes_per_position
        for (shape, _), quantizer in zip(
            model.code_maps, model.quantizers, strict=True
        )
        for _ in range(quantizer.codes_per_position)
    ]
