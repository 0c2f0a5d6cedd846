"""Services and notebooks that call a model again and again."""

import pathlib
import resource

import keras
import pytest

from keras_vq import LatentGenerator
from keras_vq import layers
from keras_vq import models
from keras_vq import zoo

COMPILES = keras.config.backend() != "torch"
PAGE = resource.getpagesize()


class Counted(keras.layers.Layer):
    """The identity, which counts how often Python calls it."""

    calls = 0

    def call(self, x):
        type(self).calls += 1
        return x


@pytest.fixture
def tokenizer(monkeypatch):
    encoder = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            Counted(),
            keras.layers.Conv2D(2, 4, strides=4),
        ]
    )
    decoder = keras.Sequential(
        [
            keras.Input((2, 2, 2)),
            Counted(),
            keras.layers.Conv2DTranspose(1, 4, strides=4),
        ]
    )
    model = models.VQVAE(
        encoder, layers.VectorQuantizer(4, 2), decoder, input_shape=(8, 8, 1)
    )
    monkeypatch.setattr(Counted, "calls", 0)
    return model


def resident_bytes():
    """Memory of this process, from the operating system."""
    pages = pathlib.Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * PAGE


def test_calls_of_any_size_neither_compile_without_end_nor_grow(tokenizer, rng):
    images = rng.uniform(size=(60, 8, 8, 1)).astype("float32")
    prior = zoo.pixelcnn(tokenizer, hidden_dim=2, num_layers=1)
    generator = LatentGenerator(tokenizer, prior)

    def call(size):
        codes = tokenizer.encode(images[:size], batch_size=50)
        assert tokenizer.decode(codes, batch_size=50).shape[0] == size
        if size % 10 == 0:
            assert len(generator.generate(size, seed=0)) == size

    sizes = rng.integers(1, 61, size=200)
    for size in (*range(1, 61), *sizes):
        call(size)
    # 1, 2, 4, ... 32 and 50 rows, of two networks, and what generates.
    assert Counted.calls <= 7 * 3 + 10 or not COMPILES
    before, calls = resident_bytes(), Counted.calls
    for _ in range(4):
        for size in sizes:
            call(size)
    assert Counted.calls == calls or not COMPILES
    assert resident_bytes() - before < 40e6


def test_memory_does_not_grow_with_the_data(tokenizer, rng):
    """Data of 100 MB pass through."""
    batch = rng.uniform(size=(2000, 8, 8, 1)).astype("float32")

    class Repeated(keras.utils.PyDataset):
        def __init__(self, count):
            super().__init__()
            self.count = count

        def __len__(self):
            return self.count

        def __getitem__(self, index):
            return batch.copy()

    tokenizer.compile("adam")
    tokenizer.evaluate(Repeated(1), verbose=0)
    tokenizer.adapt(Repeated(1), num_vectors=2000)
    before = resident_bytes()
    tokenizer.evaluate(Repeated(200), verbose=0)
    tokenizer.adapt(Repeated(200), num_vectors=2000)
    assert resident_bytes() - before < 50e6
