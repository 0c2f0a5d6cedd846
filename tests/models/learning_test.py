"""A model that learns: real digits, a few seconds, thresholds that bite."""

import keras
import numpy as np
import pytest

import keras_vq


# Predicting the mean digit costs about 0.7 of the variance. Codes learned by
# gradient from a random start mostly stay unused: the error is what counts.
@pytest.mark.parametrize(
    ("ema_decay", "error", "usage"), [(0.95, 0.25, 0.9), (None, 0.5, 0.1)]
)
def test_digits_are_learned(real_data_dir, ema_decay, error, usage):
    keras.utils.set_random_seed(0)
    train = keras_vq.data.load(
        "mnist", "train[:2048]", batch_size=16, data_dir=real_data_dir
    )
    test = keras_vq.data.load(
        "mnist", "test[:512]", batch_size=32, data_dir=real_data_dir
    )
    images = np.concatenate(list(test.as_numpy_iterator()))
    model = keras_vq.zoo.vqvae(
        input_shape=(28, 28, 1),
        num_embeddings=32,
        embedding_dim=8,
        hidden_dim=16,
        num_residual_layers=1,
        residual_hidden_dim=16,
        ema_decay=ema_decay,
        learning_rate=3e-3,
        data_variance=float(images.var()),
    )
    model.fit(train, epochs=2, shuffle=False, verbose=0)
    results = model.evaluate(test, return_dict=True, verbose=0)
    assert results["reconstruction_loss"] < error
    assert results["codebook_usage"] > usage
