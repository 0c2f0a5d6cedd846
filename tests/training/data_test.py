"""Every kind of data that Keras's `fit` takes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

import keras_vq
from tests.helpers import one_layer_vqvae
from tests.helpers import tiny_images
from tests.helpers import to_numpy


class Batches(keras.utils.PyDataset):
    def __init__(self, *arrays):
        super().__init__()
        self.arrays = arrays

    def __len__(self):
        return 2

    def __getitem__(self, i):
        batch = tuple(a[8 * i : 8 * i + 8] for a in self.arrays)
        return batch if len(batch) > 1 else batch[0]


def generator(*arrays):
    for i in range(2):
        yield tuple(a[8 * i : 8 * i + 8] for a in arrays)


def generator_of_arrays(*arrays):
    for batch in generator(*arrays):
        yield batch if len(batch) > 1 else batch[0]


def loader_of_tensors(*arrays):
    rows = arrays[0] if len(arrays) == 1 else list(zip(*arrays, strict=True))
    return torch.utils.data.DataLoader(rows, batch_size=8)


def loader(*arrays):
    data = torch.utils.data.TensorDataset(*map(torch.as_tensor, arrays))
    return torch.utils.data.DataLoader(data, batch_size=8)


def tf_data(*arrays):
    parts = arrays if len(arrays) > 1 else arrays[0]
    return tf.data.Dataset.from_tensor_slices(parts).batch(8)


def dicts(*arrays):
    """As TFDS yields them."""
    parts = dict(zip(("image", "label"), arrays, strict=False))
    return tf.data.Dataset.from_tensor_slices(parts).batch(8)


def loader_of_dicts(*arrays):
    parts = [dict(zip(("image", "label"), row)) for row in zip(*arrays)]
    return torch.utils.data.DataLoader(parts, batch_size=8)


@pytest.fixture
def x(rng):
    return tiny_images(rng)


@pytest.fixture
def y():
    return np.arange(16)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return one_layer_vqvae(ema_decay=None)


@pytest.fixture(scope="module")
def train(model):
    """Two steps from the start of training, and the weights after them."""
    variables = [*model.variables, *model.optimizer.variables]
    start = [to_numpy(v) for v in variables]

    def train(data, *args, **kwargs):
        for variable, value in zip(variables, start, strict=True):
            variable.assign(value)
        model.fit(data, *args, shuffle=False, verbose=0, **kwargs)
        assert int(model.optimizer.iterations) == 2
        return [to_numpy(w) for w in model.weights]

    return train


def assert_same(a, b):
    for p, q in zip(a, b, strict=True):
        np.testing.assert_allclose(p, q, atol=1e-5)


KINDS = [tf_data, Batches, loader, loader_of_tensors, loader_of_dicts, dicts]


@pytest.mark.parametrize("kind", [*KINDS, generator, generator_of_arrays])
@pytest.mark.parametrize("labels", [False, True])
def test_every_kind_of_data_trains_alike(train, x, y, kind, labels):
    expected = train(x, batch_size=8)
    data = kind(x, y) if labels else kind(x)
    steps = 2 if kind in (generator, generator_of_arrays) else None
    assert_same(train(data, steps_per_epoch=steps), expected)


def test_backend_tensors_train_and_labels_are_ignored(train, x, y):
    expected = train(x, batch_size=8)
    assert_same(train(x, y, batch_size=8), expected)
    tensor = keras.ops.convert_to_tensor(x)
    assert_same(train(tensor, batch_size=8), expected)


def test_the_check_of_a_generator_loses_no_batch(train, x, y):
    seen = []

    def counted():
        for batch in generator(x, y):
            seen.append(batch)
            yield batch

    train(counted(), steps_per_epoch=2)
    assert len(seen) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_data_evaluates_and_predicts_alike(model, x, y, kind):
    history = model.fit(
        x, batch_size=8, validation_data=kind(x, y), verbose=0
    ).history
    logs = model.evaluate(kind(x), verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(history["val_loss"][0], rel=1e-4)
    arrays = model.evaluate(x, batch_size=8, verbose=0, return_dict=True)
    assert logs == pytest.approx(arrays, rel=1e-4)
    np.testing.assert_allclose(
        model.predict(kind(x), verbose=0),
        model.predict(x, batch_size=8, verbose=0),
        atol=1e-6,
    )


def test_dicts_name_what_they_hold(model, x):
    data = tf.data.Dataset.from_tensor_slices({"png": x, "id": x}).batch(8)
    with pytest.raises(ValueError, match=r"keys 'png', 'id'.*batch\['png'\]"):
        model.fit(data, verbose=0)
    with pytest.raises(ValueError, match="keys 'png', 'id'"):
        model.adapt(data)


class Table(keras_vq.training.Model):
    """Reads a row for each code."""

    num_classes = 4

    def __init__(self):
        super().__init__()
        self.table = keras_vq.layers.CodeEmbedding(4, 1)
        self.track("loss")

    def losses_of(self, x, labels, training):
        return {"loss": keras.ops.mean(self.table(labels))}


@pytest.mark.parametrize("kind", [*KINDS, generator, lambda *xy: xy])
@pytest.mark.parametrize("bad", [-1, 4])
def test_integers_out_of_range_are_errors_in_every_batch(x, kind, bad):
    y = np.arange(16) % 4
    y[12] = bad  # in the second batch
    model = Table()
    model.compile("sgd")
    data = kind(x, y)
    data = data if isinstance(data, tuple) else (data,)
    with pytest.raises(ValueError, match=r"classes 0 to 3\. Received: labels"):
        model.fit(*data, shuffle=False, verbose=0)
    good = (x[:8], y[:8])
    with pytest.raises(ValueError, match=r"classes 0 to 3\. Received: labels"):
        model.fit(*good, validation_data=kind(x, y), verbose=0)


@pytest.mark.parametrize("kind", [tf_data, Batches, loader, generator])
def test_the_first_batch_of_every_kind_is_checked(model, x, kind):
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        model.fit(kind(x * 255), verbose=0)


class EndlessBatches(Batches):
    num_batches = None


def of_unknown_rank(*arrays):
    batches = list(generator(*arrays))
    if len(arrays) == 1:
        batches = [batch[0] for batch in batches]
        return tf.data.Dataset.from_generator(
            lambda: iter(batches), output_types=tf.float32
        )
    return tf.data.Dataset.from_generator(
        lambda: iter(batches), output_types=(tf.float32, tf.int64)
    )


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_data_sets_of_unknown_rank_train(model, x, y):
    model.compile("adam")
    for data in (of_unknown_rank(x), of_unknown_rank(x, y)):
        model.fit(data, validation_data=data, shuffle=False, verbose=0)
    assert model.predict(of_unknown_rank(x), verbose=0).shape == x.shape


@pytest.mark.parametrize(
    "kind", [lambda x: tf_data(x).repeat(), EndlessBatches]
)
def test_endless_data_need_a_number_of_steps(model, x, kind):
    model.compile("adam")
    for read, advice in (
        (lambda data: model.fit(data), "steps_per_epoch"),
        (lambda data: model.evaluate(data), "`steps`"),
        (lambda data: model.predict(data), "`steps`"),
        (lambda data: model.adapt(data), "take"),
        (lambda data: model.fit(x, validation_data=data), "validation_steps"),
    ):
        with pytest.raises(ValueError, match=f"endless.*{advice}"):
            read(kind(x))
    model.fit(kind(x), steps_per_epoch=1, shuffle=False, verbose=0)


def test_weights_of_examples_are_refused_before_training(model, x, y):
    model.compile("adam")
    weight = np.ones(len(x))
    for name, call in {
        "sample_weight": lambda: model.fit(x, sample_weight=weight),
        "class_weight": lambda: model.fit(x, y, class_weight={0: 1.0}),
        "sample_weight ": lambda: model.fit(x, validation_data=(x, y, weight)),
        " sample_weight": lambda: model.train_on_batch(x, sample_weight=weight),
    }.items():
        with pytest.raises(ValueError, match=f"support {name.strip()}: all"):
            call()
