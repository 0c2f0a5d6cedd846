import keras
from keras import ops

from keras_vq import backend
from keras_vq.saving import Preset
from keras_vq.training.batches import to_array
from keras_vq.training.first_batch import first_batch
from keras_vq.training.trainer import Trainer


class BaseModel(Trainer, Preset, keras.Model):
    """Base of all models: data are checked before any work is done.

    A subclass builds all that it has in `__init__` and defines
    `check_first_batch(batch, labels)`, `inputs_of(data)` and
    `losses_of(*inputs, training)`.

    Args:
        **kwargs: `name`, `dtype` and others of `keras.Model`.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._compiled_steps = {}

    def build(self, input_shape=None):
        # Everything is built by `__init__`; Keras calls this when it loads.
        self.built = True

    def fit(self, x=None, y=None, batch_size=None, *args, **kwargs):
        """Train; see `keras.Model.fit`. The first batch of `x` is checked.

        Args:
            x: Inputs, alone or with labels: array, `tf.data.Dataset`,
                `keras.utils.PyDataset`, PyTorch `DataLoader` or generator.
            y: Labels of an array, for a conditional model; others ignore them.
            batch_size: int or None, inputs per batch of an array; None for
                32.
        """
        x = self._checked(x, y, batch_size)
        validation_data = kwargs.get("validation_data")
        if isinstance(validation_data, (tuple, list)):
            self._checked(*validation_data[:2])
        elif validation_data is not None:
            kwargs["validation_data"] = self._checked(validation_data)
        return super().fit(x, y, batch_size, *args, **kwargs)

    def evaluate(self, x=None, y=None, batch_size=None, *args, **kwargs):
        """Measure; see `keras.Model.evaluate`. The first batch is checked."""
        if not kwargs.get("_use_cached_eval_dataset"):  # already done by `fit`
            x = self._checked(x, y, batch_size)
        return super().evaluate(x, y, batch_size, *args, **kwargs)

    def check_first_batch(self, batch, labels):
        """Raise unless NumPy arrays of inputs and of labels (or None) fit."""
        raise NotImplementedError

    def _checked(self, x, y=None, batch_size=None):
        x, batch, labels = first_batch(x, y, batch_size)
        if batch is not None:
            self.check_first_batch(batch, labels)
        return x

    def inputs_of(self, data):
        """What `losses_of` takes, from what the data set yields."""
        raise NotImplementedError

    def losses_of(self, *inputs, training):
        """The loss of a batch, and all that led to it.

        Args:
            *inputs: What `inputs_of` returned, tensors `(batch, ...)`.
            training: bool.

        Returns:
            `loss, outputs`, a scalar and a dict with `loss` and the scalars
            that `add_logs` named.
        """
        raise NotImplementedError

    def training_step(self, data):
        inputs = self.inputs_of(data)
        outputs = self.minimize(
            lambda: self.losses_of(*inputs, training=True),
            ops.shape(keras.tree.flatten(inputs)[0])[0],
        )
        return self.logs_of(inputs[0], outputs)

    def evaluation_step(self, data):
        inputs = self.inputs_of(data)
        _, outputs = self.losses_of(*inputs, training=False)
        return self.logs_of(inputs[0], outputs)

    def add_logs(self, *names):
        """Make a metric for each of these scalars of `losses_of`."""
        self.loss_metrics = [keras.metrics.Mean(name=name) for name in names]

    def update_metrics(self, outputs, batch_size):
        """Update the metrics that are named after an output."""
        for metric in self.metrics:
            if metric.name in outputs:
                metric.update_state(
                    outputs[metric.name], sample_weight=batch_size
                )

    def logs_of(self, x, outputs):
        """The logs of a step, all metrics being brought up to date."""
        batch_size = ops.shape(keras.tree.flatten(x)[0])[0]
        self.update_metrics(outputs, batch_size)
        return self.get_metrics_result()

    def to_array(self, x):
        """Array, list or tensor as a NumPy array."""
        return to_array(x)

    def compiled_step(self, step):
        """The method `step`, of tensors, compiled on its first use."""
        if step.__name__ not in self._compiled_steps:
            self._compiled_steps[step.__name__] = backend.jit(step, self)
        return self._compiled_steps[step.__name__]
