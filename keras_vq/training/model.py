import importlib

import keras
import numpy as np
from keras import ops

from keras_vq import backend
from keras_vq.checks import LimitsCheck
from keras_vq.checks import check_ends
from keras_vq.checks import check_int
from keras_vq.checks import check_labels
from keras_vq.checks import check_unweighted
from keras_vq.checks import title
from keras_vq.saving.config import serializable
from keras_vq.saving.preset import ClassProperty
from keras_vq.saving.preset import from_preset
from keras_vq.saving.preset import presets_of
from keras_vq.saving.preset import save_to_preset
from keras_vq.training.batches import check_arrays
from keras_vq.training.batches import first_batch
from keras_vq.training.batches import pair_of
from keras_vq.training.optimizer_group import OptimizerGroup

# Arguments of `fit` that are integers >= 1, or None.
_POSITIVE = ("batch_size", "epochs", "steps_per_epoch", "validation_steps")


@serializable
class Model(backend.StepMixin, keras.Model):
    """Base class of all models, with one training step for every backend.

    Keras's `fit` and `evaluate` run `training_step` and `evaluation_step`, in
    `keras.ops`, on every backend. A subclass creates and builds all its parts
    in `__init__`, so that `compile` can build the optimizer, and defines
    `losses_of(x, labels, training)`.

    Args:
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Example:

    >>> class Regression(keras_vq.training.Model):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.dense = keras.layers.Dense(1)
    ...         self.dense.build((None, 8))
    ...         self.track("loss")
    ...
    ...     def losses_of(self, x, labels, training):
    ...         return {"loss": keras.ops.mean((self.dense(x) - 1.0) ** 2)}
    >>> model = Regression()
    >>> model.compile("adam")
    >>> history = model.fit(np.ones((4, 8)), verbose=0)
    >>> sorted(history.history)
    ['loss']
    """

    presets = ClassProperty(presets_of)
    from_preset = classmethod(from_preset)
    save_to_preset = save_to_preset

    # Number of classes of the labels that go with each input; None for a
    # model that takes no labels.
    num_classes: int | None = None
    # Whether the model has a method `generate`.
    can_generate = False

    def __init__(self, **kwargs):
        # The parts cast their inputs, which may be integers or need float32.
        super().__init__(**{"autocast": False, **kwargs})
        # A `keras_vq.losses.Adversary` that the model is trained against.
        self.adversary = None
        self._logged = _Logged()
        self._step_metrics = []
        self._compiled_steps = {}
        self.built = True

    def build(self, input_shape=None):
        # Everything is built in `__init__`; Keras calls this when it loads.
        self.built = True

    # === One step ===

    def losses_of(self, x, labels, training):
        """Compute the loss and other outputs of a batch.

        Args:
            x: tensor `(batch, ...)`, or a tuple of them, the inputs.
            labels: int32 tensor `(batch,)`; None without `num_classes`.
            training: bool.

        Returns:
            dict with the scalar `loss` and the outputs that `track` names.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define "
            "`losses_of(x, labels, training)`."
        )

    def training_step(self, data):
        """One step of training.

        Args:
            data: What the data set yields: `x`, `(x,)`, `(x, labels)` or a
                dict as TFDS yields it.

        Returns:
            dict, names to scalars, the logs.
        """
        x, labels = self.unpack(data)
        rows = ops.shape(keras.tree.flatten(x)[0])[0]

        def losses():
            return self.losses_of(x, labels, training=True)

        if self.adversary is None:
            return self.logs_of(self.minimize(losses, rows), rows)
        logs = self.logs_of(self.adversary.play(self, losses, rows), rows)
        return {**logs, "discriminator_steps": self.adversary.num_updates()}

    def evaluation_step(self, data):
        """One step of evaluation: `training_step` without an update."""
        x, labels = self.unpack(data)
        rows = ops.shape(keras.tree.flatten(x)[0])[0]
        return self.logs_of(self.losses_of(x, labels, training=False), rows)

    def unpack(self, data):
        """Unpack a batch into inputs and int32 labels, or None."""
        if isinstance(data, dict):
            data = pair_of(data)
        x, labels, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        check_unweighted(self, sample_weight=sample_weight)
        if self.num_classes is None:
            return x, None
        if labels is None:
            check_labels(self, None)
        return x, ops.cast(labels, "int32")

    def minimize(self, losses, rows=None):
        """Take one step of the model's single optimizer.

        Args:
            losses: A function without arguments that returns a dict with the
                scalar `loss`, a mean over the batch.
            rows: int or int tensor, rows of the batch, by which data-parallel
                replicas are weighted; None weights them equally. Defaults to
                None.

        Returns:
            dict, what `losses` returned.
        """

        def loss():
            outputs = losses()
            return (outputs["loss"],), outputs

        _, outputs, pullback = backend.vjp(loss, self.trainable_variables)
        self.apply_pullback(pullback, (1.0,), rows)
        return outputs

    def apply_pullback(self, pullback, cotangents, rows=None, name=None):
        """Take one optimizer step on a weighted sum of losses.

        Args:
            pullback: What `backend.vjp` over the optimizer's variables
                returned.
            cotangents: tuple of scalars, the weight of each loss.
            rows: See `minimize`.
            name: str, name of the optimizer in a group; None for a single one.
                Defaults to None.
        """
        optimizer, variables = self.optimizer, self.trainable_variables
        if name is not None:
            optimizer = self.optimizer[name]
            variables = self.variable_groups()[name]
        # Gradients are summed over replicas: the shares turn that into a mean.
        share = backend.batch_share(rows)
        scaled = tuple(
            optimizer.scale_loss(ops.cast(c * share, "float32"))
            for c in cotangents
        )
        backend.apply_gradients(optimizer, pullback(scaled), variables)

    def variable_groups(self):
        """dict, names of optimizers to the variables that each trains.

        Empty for a model with a single optimizer.
        """
        if self.adversary is None:
            return {}
        judges = self.adversary.trainable_variables
        known = {id(v) for v in judges}
        players = [v for v in self.trainable_variables if id(v) not in known]
        return {"generator": players, "discriminator": judges}

    # === Logs ===

    def track(self, *names):
        """Log the mean over an epoch of these scalars of `losses_of`."""
        for name in names:
            self.track_metric(keras.metrics.Mean(name=name), name)

    def track_metric(self, metric, name, index=None):
        """Update a metric with an output of `losses_of` after each step.

        Args:
            metric: `keras.metrics.Metric`.
            name: str, key of the output.
            index: int or None, an index on the output's last axis. Defaults to
                None, all of it.
        """
        # Keras finds metrics in lists, but not those in tuples in lists.
        self._step_metrics.append(metric)
        self._logged.records.append((metric, name, index))

    @property
    def metrics(self):
        """list of metrics, including those of `compile`."""
        # Keras adds a metric `loss`, which would duplicate ours.
        return list({m.name: m for m in super().metrics}.values())

    def logs_of(self, outputs, rows):
        """Update the metrics with what a step computed.

        Args:
            outputs: dict, what `losses_of` returned. `inputs` and
                `reconstruction` are compared by the metrics of `compile`.
            rows: int or int tensor, rows of the batch.

        Returns:
            dict, names to scalars.
        """
        missing = set()
        for metric, name, index in self._logged.records:
            if name not in outputs:  # a training-only loss
                missing.add(metric.name)
                continue
            value = (
                outputs[name] if index is None else outputs[name][..., index]
            )
            if isinstance(metric, keras.metrics.Mean):
                metric.update_state(value, sample_weight=rows)
            else:
                metric.update_state(value)
        if "reconstruction" in outputs:
            logs = self.compute_metrics(
                outputs["inputs"], None, outputs["reconstruction"]
            )
        else:
            logs = self.get_metrics_result()
        return {k: v for k, v in logs.items() if k not in missing}

    def _get_metrics_result_or_logs(self, logs):
        # Keras reads the metrics, which hold what all replicas saw, only if the
        # step logged every metric and nothing else; a step of an adversarial
        # model logs neither. Else it keeps the logs of the first replica.
        results = self.get_metrics_result()
        return {name: results.get(name, x) for name, x in logs.items()}

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Compare outputs to inputs by the metrics of `compile`."""
        return super().compute_metrics(x, x, y_pred, sample_weight)

    # === Data ===

    def fit(self, x=None, y=None, batch_size=None, *args, **kwargs):
        """Train; see `keras.Model.fit`. The first batch of `x` is checked.

        The range of labels and codes is checked in every batch.

        Args:
            x: Inputs, with or without labels: array, `tf.data.Dataset`,
                `keras.utils.PyDataset`, PyTorch `DataLoader` or generator.
            y: Labels, if `x` is an array and the model has classes; ignored
                otherwise.
            batch_size: int or None, rows per batch of an array; None for 32.
        """
        for name, value in {"batch_size": batch_size, **kwargs}.items():
            if name in _POSITIVE and value is not None:
                check_int(name, value)
        check_unweighted(
            self,
            sample_weight=kwargs.get("sample_weight"),
            class_weight=kwargs.get("class_weight"),
        )
        if kwargs.get("steps_per_epoch") is None:
            check_ends(x, "`steps_per_epoch`, or dataset.take(n)")
        limits = LimitsCheck(title(self), self.limits())
        x = self._checked(x, y, batch_size, limits)
        validation_data = kwargs.get("validation_data")
        if isinstance(validation_data, (tuple, list)):
            check_unweighted(
                self, sample_weight=(*validation_data, None, None)[2]
            )
            inputs, targets = (*validation_data, None)[:2]
            self._checked(inputs, targets, limits=limits)
        elif validation_data is not None:
            if kwargs.get("validation_steps") is None:
                check_ends(
                    validation_data, "`validation_steps`, or dataset.take(n)"
                )
            kwargs["validation_data"] = self._checked(
                validation_data, limits=limits
            )
        with limits.reported():
            return super().fit(x, y, batch_size, *args, **kwargs)

    def evaluate(self, x=None, y=None, batch_size=None, *args, **kwargs):
        """Evaluate; see `keras.Model.evaluate`. The first batch is checked."""
        limits = LimitsCheck(title(self), self.limits())
        if not kwargs.get("_use_cached_eval_dataset"):  # checked by `fit`
            if kwargs.get("steps") is None:
                check_ends(x, "`steps`, or dataset.take(n)")
            check_unweighted(self, sample_weight=kwargs.get("sample_weight"))
            x = self._checked(x, y, batch_size, limits)
        with limits.reported():
            return super().evaluate(x, y, batch_size, *args, **kwargs)

    def check_first_batch(self, batch, labels):
        """Raise if inputs or labels (NumPy arrays, or None) do not fit."""

    def limits(self):
        """What integers are valid, to check every batch of a data set.

        Returns:
            tuple, for each array of `(x, labels)` in order, the number of valid
            integers, counted from 0, or None for an array of other values.
        """
        return () if self.num_classes is None else (None, self.num_classes)

    def _checked(self, x, y=None, batch_size=None, limits=None):
        check = limits if limits and any(limits.limits) else None
        x, batch, labels = first_batch(x, y, batch_size, check)
        if batch is not None:
            self.check_first_batch(batch, labels)
        if check is not None:
            check_arrays(x, y, check)
        if isinstance(x, np.ndarray):
            self.check_last_batch(len(x), batch_size or 32)
        return x

    def jit(self, step, key=None, loop=False):
        """Compile a method of tensors, or return it if already compiled.

        Args:
            step: A bound method, or a function if `key` is given.
            key: Hashable that identifies the function. Defaults to None, the
                method's name.
            loop: bool, whether it is a loop of many small operations. Defaults
                to False.
        """
        key = step.__name__ if key is None else key
        if key not in self._compiled_steps:
            compile_step = backend.jit_loop if loop else backend.jit
            self._compiled_steps[key] = compile_step(step, self)
        return self._compiled_steps[key]

    # === Files ===

    def save(self, filepath, *args, **kwargs):
        """Save to a `.keras` file; see `keras.Model.save`.

        Args:
            filepath: str or path, which ends in `.keras`.
            *args: See `keras.Model.save`.
            **kwargs: See `keras.Model.save`.

        Raises:
            ValueError: If it is an HDF5 file, which could not be loaded.
        """
        if str(filepath).endswith((".h5", ".hdf5")):
            raise ValueError(
                f"{type(self).__name__} is saved to a .keras file: HDF5 files "
                "hold no configuration that it could be loaded from. Received: "
                f"filepath={str(filepath)!r}. Weights alone are saved by "
                "save_weights('model.weights.h5')."
            )
        return super().save(filepath, *args, **kwargs)

    def export(self, filepath, format="tf_saved_model", **options):
        """Export the model; see `keras_vq.export.export_model`.

        Args:
            filepath: Folder to create.
            format: `"tf_saved_model"` or `"onnx"`. Defaults to
                `"tf_saved_model"`.
            **options: See `keras_vq.export.export_model`.
        """
        # By its name, since it imports this module, and needs TensorFlow.
        exporter = importlib.import_module("keras_vq.export")
        exporter.export_model(self, filepath, format, **options)

    # === Optimizers and state ===

    def compile(self, optimizer="adam", loss=None, **kwargs):
        """Configure the model for training.

        Args:
            optimizer: `keras.optimizers.Optimizer` or its identifier. For a
                model with an adversary a dict with `"generator"` and
                `"discriminator"`. Defaults to `"adam"`.
            loss: Must be None: the model computes its own loss.
            **kwargs: See `keras.Model.compile`.

        Raises:
            ValueError: If `loss` is given, or the optimizers do not match the
                model's variable groups.
        """
        if loss is not None:
            raise ValueError(
                f"{type(self).__name__} computes its own loss: compile it "
                f"without `loss`. Received: loss={loss!r}"
            )
        backend.check_distribution()
        if isinstance(optimizer, dict) and "class_name" not in optimizer:
            optimizer = OptimizerGroup(optimizer)
        try:
            optimizer = keras.optimizers.get(optimizer)
        except (ValueError, TypeError) as error:
            raise ValueError(
                "`optimizer` must be a keras.optimizers.Optimizer or its name. "
                f"Received: optimizer={optimizer!r}"
            ) from error
        groups = self.variable_groups()
        is_group = isinstance(optimizer, OptimizerGroup)
        names = sorted(optimizer.members) if is_group else []
        if names != sorted(groups):
            expected = f"optimizers named {sorted(groups)}"
            received = f"optimizers named {names}"
            raise ValueError(
                f"{type(self).__name__} is trained by "
                f"{expected if groups else 'a single optimizer'}. Received: "
                f"{received if is_group else 'a single optimizer'}"
            )
        if is_group and self.dtype_policy.name == "mixed_float16":
            if kwargs.get("auto_scale_loss", True):
                optimizer.members = {
                    key: _with_loss_scale(member)
                    for key, member in optimizer.members.items()
                }
            kwargs["auto_scale_loss"] = False
        super().compile(optimizer=optimizer, **kwargs)
        self._build_optimizer()

    def get_compile_config(self):
        """The compile config, which every backend can load."""
        return _with_public_optimizers(super().get_compile_config())

    def compile_from_config(self, config):
        """Compile as the saved model was, for the backend that loads it."""
        config = keras.saving.deserialize_keras_object(config)
        # Keras saves what "auto" meant on the backend that saved the model.
        config["jit_compile"] = "auto"
        self.compile(**config)

    def _build_optimizer(self):
        # Here and not in the first step, so that the optimizer's variables
        # exist when a callback restores a backup before that step.
        if self.optimizer is None or self.optimizer.built:
            return
        if isinstance(self.optimizer, OptimizerGroup):
            self.optimizer.build(self.variable_groups())
        else:
            self.optimizer.build(self.trainable_variables)

    def save_own_variables(self, store):
        """Also save the state of the seed generators, to resume exactly."""
        super().save_own_variables(store)
        for i, variable in enumerate(self._seed_states()):
            store[f"seed_state_{i}"] = ops.convert_to_numpy(variable)

    def load_own_variables(self, store):
        """Load what `save_own_variables` saved."""
        saved = {key: store[key] for key in store.keys()}
        for i, variable in enumerate(self._seed_states()):
            state = saved.pop(f"seed_state_{i}", None)
            if state is not None:
                variable.assign(state)
        super().load_own_variables(saved)

    def _seed_states(self):
        weights = {id(w) for w in self.weights}
        return [v for v in self.non_trainable_variables if id(v) not in weights]


class _Logged:
    """The tracked outputs; not a list, which Keras would wrap."""

    def __init__(self):
        self.records = []


def _with_public_optimizers(config):
    """The config with optimizers under the names that every backend knows.

    On PyTorch Keras swaps some for private subclasses, which no other backend
    could load.
    """
    if not isinstance(config, dict):
        return config
    config = {k: _with_public_optimizers(v) for k, v in config.items()}
    is_private = str(config.get("module")).startswith("keras.src.")
    if is_private and config.get("class_name") in dir(keras.optimizers):
        config |= {"module": "keras.optimizers", "registered_name": None}
    return config


def _with_loss_scale(optimizer):
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer)
