import keras
from keras import ops

from keras_vq import backend
from keras_vq.training.optimizer_group import OptimizerGroup


class Trainer(backend.StepMixin):
    """Mixin that trains a `keras.Model` by steps written in `keras.ops`.

    A model writes `training_step(data)` and `evaluation_step(data)` once, each
    returning its logs; Keras's `fit` and `evaluate` run them on every backend.
    List the mixin before `keras.Model`, and create and build every layer in
    `__init__`, so that the optimizer can be built by `compile`.

    Example:

    ```python
    class Regression(keras_vq.training.Trainer, keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)
            self.dense.build((None, 8))
            self.error = keras.metrics.Mean(name="error")
            self.built = True

        def call(self, x):
            return self.dense(x)

        def training_step(self, data):
            x, y = data
            error = self.minimize(lambda: self.losses_of(x, y))
            self.error.update_state(error)
            return {"error": self.error.result()}

        def losses_of(self, x, y):
            error = keras.ops.mean((self(x) - y) ** 2)
            return error, error
    ```
    """

    vjp = staticmethod(backend.vjp)

    def training_step(self, data):
        """One step of training.

        Args:
            data: What the data set yields: `x`, `(x,)`, `(x, y)` or
                `(x, y, sample_weight)`.

        Returns:
            dict, names to scalars, the logs of the step.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must implement training_step(data)."
        )

    def evaluation_step(self, data):
        """One step of evaluation: as `training_step`, without learning."""
        raise NotImplementedError(
            f"{type(self).__name__} must implement evaluation_step(data)."
        )

    def variable_groups(self):
        """dict, the name of each optimizer to the variables that it trains.

        Only for models that are compiled with several optimizers.
        """
        raise NotImplementedError(
            f"{type(self).__name__} is compiled with several optimizers and "
            "must implement variable_groups()."
        )

    def minimize(self, fn, batch_size=None):
        """One step of the model's single optimizer.

        Args:
            fn: A function without arguments, `fn() -> (loss, aux)`; `loss` is
                a mean over the batch.
            batch_size: int or int tensor, rows of the batch, by which replicas
                are weighed; None weighs them alike. Defaults to None.

        Returns:
            aux.
        """

        def losses():
            loss, aux = fn()
            return (loss,), aux

        _, aux, pullback = self.vjp(losses, self.trainable_variables)
        self.apply_pullback(pullback, (1.0,), batch_size=batch_size)
        return aux

    def apply_pullback(self, pullback, cotangents, name=None, batch_size=None):
        """Step an optimizer along a mix of the losses that `vjp` returned.

        Args:
            pullback: What `vjp` over the optimizer's variables returned.
            cotangents: tuple of scalars, the weight of each loss.
            name: Name of the optimizer in a group; None for a single one.
            batch_size: See `minimize`.
        """
        if name is None:
            optimizer, variables = self.optimizer, self.trainable_variables
        else:
            optimizer = self.optimizer[name]
            variables = self.variable_groups()[name]
        # Gradients are summed over replicas: the shares make that a mean.
        share = backend.batch_share(batch_size)
        scaled = tuple(
            optimizer.scale_loss(ops.cast(c * share, "float32"))
            for c in cotangents
        )
        backend.apply_gradients(optimizer, pullback(scaled), variables)

    def compile(self, optimizer="adam", loss=None, **kwargs):
        """Configure the model for training.

        Args:
            optimizer: `keras.optimizers.Optimizer` or its identifier; for a
                model with several, a dict of them by name. Defaults to
                `"adam"`.
            loss: Must be None: the model computes its own loss.
            **kwargs: See `keras.Model.compile`.

        Raises:
            ValueError: If `loss` is given, or the optimizers' names are not
                those of the model's variable groups.
        """
        if loss is not None:
            raise ValueError(
                f"{type(self).__name__} computes its own loss: compile it "
                f"without `loss`. Received: loss={loss!r}"
            )
        backend.check_distribution()
        if isinstance(optimizer, dict) and "class_name" not in optimizer:
            optimizer = OptimizerGroup(optimizer)
        if isinstance(optimizer, OptimizerGroup):
            groups = self.variable_groups()
            if set(groups) != set(optimizer.members):
                raise ValueError(
                    f"{type(self).__name__} is trained by optimizers named "
                    f"{sorted(groups)}. Received: optimizers named "
                    f"{sorted(optimizer.members)}"
                )
            if self.dtype_policy.name == "mixed_float16":
                if kwargs.get("auto_scale_loss", True):
                    optimizer.members = {
                        key: _with_loss_scale(member)
                        for key, member in optimizer.members.items()
                    }
                kwargs["auto_scale_loss"] = False
        super().compile(optimizer=optimizer, **kwargs)
        self._build_optimizer()

    def get_compile_config(self):
        """How to compile the saved model, on any backend."""
        return _with_public_optimizers(super().get_compile_config())

    def compile_from_config(self, config):
        """Compile as the saved model was, for the backend that loads it."""
        config = keras.saving.deserialize_keras_object(config)
        # Keras saves what "auto" meant on the backend that saved the model.
        config["jit_compile"] = "auto"
        self.compile(**config)

    def _build_optimizer(self):
        # Here, not in the first step: what a callback restores before it (a
        # backup, say) includes the optimizer's variables.
        if self.optimizer is None or self.optimizer.built:
            return
        if isinstance(self.optimizer, OptimizerGroup):
            self.optimizer.build(self.variable_groups())
        else:
            self.optimizer.build(self.trainable_variables)

    def save_own_variables(self, store):
        """Save the state of random draws too, for an exact resume."""
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


def _with_public_optimizers(config):
    """The config with optimizers under the names that every backend knows.

    Keras replaces some by a subclass that is private to a backend, and would
    have another backend load that.
    """
    if not isinstance(config, dict):
        return config
    config = {k: _with_public_optimizers(v) for k, v in config.items()}
    is_private = str(config.get("module")).startswith("keras.src.")
    if is_private and hasattr(keras.optimizers, str(config.get("class_name"))):
        config |= {"module": "keras.optimizers", "registered_name": None}
    return config


def _with_loss_scale(optimizer):
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer)
