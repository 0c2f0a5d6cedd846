"""Time to sample an image of 1024x1024 pixels with a sliding window.

    python scripts/bench_window.py

A transformer with a window of 16x16 samples the 64x64 codes of a tokenizer that
downsamples 16-fold. Neither is trained, which does not change the time.
"""

import time

import keras

import keras_vq


def tokenizer(size):
    return keras_vq.zoo.vqvae(
        (size, size, 3), hidden_dim=64, num_residual_layers=1, downsampling=16
    )


if __name__ == "__main__":
    small, large = tokenizer(256), tokenizer(1024)
    large.set_weights(small.get_weights())
    prior = keras_vq.zoo.transformer(small, num_layers=4, hidden_dim=128)
    generator = keras_vq.LatentGenerator(large, prior.resized(large.code_shape))
    start = time.perf_counter()
    images = generator.generate(1, seed=0)
    seconds = time.perf_counter() - start
    print(
        f"{keras.backend.backend()}: {images.shape} from {large.code_shape} "
        f"codes, window {prior.code_shape}, {prior.count_params():,} "
        f"parameters: {seconds:.0f} s, compilation included"
    )
