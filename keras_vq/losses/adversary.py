import keras
from keras import ops

from keras_vq import backend
from keras_vq.checks import check_choice
from keras_vq.checks import check_int
from keras_vq.checks import check_number
from keras_vq.checks import check_type
from keras_vq.losses.adversarial import KINDS
from keras_vq.losses.adversarial import discriminator_loss
from keras_vq.losses.adversarial import generator_loss
from keras_vq.losses.adversarial import lecam_regularizer
from keras_vq.saving.config import serializable

# Added to the divisor of the adaptive weight, and its maximum.
_EPSILON, _MAX_WEIGHT = 1e-4, 1e4
_LECAM_DECAY = 0.999


@serializable
class Adversary(backend.LayerMixin, keras.layers.Layer):
    """Trains a first-stage model against a discriminator.

    ```
    model         : loss + ramp * weight * adaptive(gan) * gan
                    + ramp * feature_weight * adaptive(features) * features
    adaptive(x)   = |d nll / d last| / (|d x / d last| + 1e-4), in [0, 1e4]
    discriminator : hinge or non-saturating loss + r1_weight / 2 * R1
                    + lecam_weight * LeCam, from step `start` on
    ```

    where `nll` is the reconstruction term of the model's `loss`, `gan` the
    generator's loss, `features` the relative difference between the
    discriminator's features of inputs and reconstructions, and `last` the
    kernel of the decoder's last layer: `adaptive` balances the losses by their
    gradients. `ramp` rises linearly from 0 at step `start` to 1 at step
    `start + ramp_steps`.

    Args:
        discriminator: `keras.Model` from inputs in [-1, 1] to logits, high for
            real inputs; `keras_vq.networks.patch_discriminator` builds one.
            Several discriminators in one model, such as
            `keras_vq.networks.audio_discriminator`, return a list with a list
            for each, of its features and then its logits. To normalize by
            batch statistics on several replicas, use
            `keras_vq.layers.SyncBatchNormalization`.
        weight: float > 0, weight of the generator's loss. Defaults to 0.8.
        feature_weight: float >= 0, weight of the features, for a discriminator
            that returns them. Defaults to 0.0.
        start: int >= 0, number of training steps before adversarial training
            starts. Defaults to 0.
        ramp_steps: int >= 0, number of steps over which the weight of the
            generator's loss rises to `weight`. Defaults to 0.
        loss: `"hinge"` or `"non_saturating"`. Defaults to `"hinge"`.
        r1_weight: float >= 0, weight of the R1 penalty, half the squared
            gradient of the discriminator at real inputs. Defaults to 0.0.
        lecam_weight: float >= 0, weight of the LeCam regularizer. Defaults to
            0.0.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        x: float tensor `(batch, ...)`, inputs in [-1, 1].
        training: bool. Defaults to False.

    Returns:
        float tensor, the discriminator's logits, or a list of lists of its
        features and logits.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> adversary = keras_vq.losses.Adversary(
    ...     keras_vq.networks.patch_discriminator((16, 16, 3), hidden_dim=8)
    ... )
    >>> model = keras_vq.zoo.vqgan(
    ...     (16, 16, 3), 64, 8, hidden_dim=8, channel_multipliers=(1, 2),
    ...     adversary=adversary)
    >>> sorted(model.variable_groups())
    ['discriminator', 'generator']

    References:
        Esser et al., Taming Transformers for High-Resolution Image Synthesis,
        2021, section 3.1.
        Mescheder et al., Which Training Methods for GANs do actually
        Converge?, 2018, section 4.1, R1.
    """

    def __init__(
        self,
        discriminator,
        weight=0.8,
        feature_weight=0.0,
        start=0,
        ramp_steps=0,
        loss="hinge",
        r1_weight=0.0,
        lecam_weight=0.0,
        **kwargs,
    ):
        super().__init__(**{"autocast": False, **kwargs})
        self.discriminator = check_type(
            "discriminator",
            discriminator,
            keras.layers.Layer,
            "a keras.Model or layer",
        )
        self.weight = check_number("weight", weight, above=0)
        self.feature_weight = check_number(
            "feature_weight", feature_weight, at_least=0
        )
        self.start = check_int("start", start, 0)
        self.ramp_steps = check_int("ramp_steps", ramp_steps, 0)
        self.loss = check_choice("loss", loss, KINDS)
        self.r1_weight = check_number("r1_weight", r1_weight, at_least=0)
        self.lecam_weight = check_number(
            "lecam_weight", lecam_weight, at_least=0
        )
        self.steps = self._add_state("steps", "int32")
        self.logit_means = [
            self._add_state(f"mean_logit_{side}", "float32")
            for side in ("real", "fake")
        ]
        self.built = True

    def _add_state(self, name, dtype):
        return self.add_weight(
            name=name,
            shape=(),
            initializer="zeros",
            dtype=dtype,
            trainable=False,
            aggregation="only_first_replica",
        )

    @property
    def log_names(self):
        """Names of the scalars that `play` adds to a model's outputs."""
        return (
            "generator_loss",
            "discriminator_loss",
            "logits_real",
            "logits_fake",
            "adaptive_weight",
            *(("feature_loss",) if self.feature_weight else ()),
            *(("r1_penalty",) if self.r1_weight else ()),
            *(("lecam_loss",) if self.lecam_weight else ()),
        )

    def call(self, x, training=False):
        return self.discriminator(x, training=training)

    def play(self, model, losses, rows):
        """Run one training step of the model and the discriminator.

        Args:
            model: A `keras_vq.models.FirstStage`, compiled with the optimizers
                `"generator"` and `"discriminator"`.
            losses: Function without arguments that returns the model's outputs,
                including `loss`, `nll`, `inputs` and `reconstruction`.
            rows: int or int tensor, number of rows of the batch.

        Returns:
            dict of the model's outputs and the scalars of `log_names`.
        """
        outputs = self._step_generator(model, losses, rows)
        outputs |= self._step_discriminator(
            model,
            model.to_network_range(outputs["inputs"]),
            ops.stop_gradient(
                model.to_network_range(outputs["reconstruction"])
            ),
            rows,
        )
        self.steps.assign_add(1)
        return outputs

    def _step_generator(self, model, losses, rows):
        weights = {"generator_loss": self.weight}
        if self.feature_weight:
            weights["feature_loss"] = self.feature_weight

        def parts():
            outputs = losses()
            fake = self(
                model.to_network_range(outputs["reconstruction"]), training=True
            )
            outputs["generator_loss"] = _mean_of(
                lambda logits: generator_loss(logits, self.loss), _logits(fake)
            )
            if self.feature_weight:
                real = self(
                    model.to_network_range(outputs["inputs"]), training=True
                )
                outputs["feature_loss"] = _mean_of(
                    _relative_difference, _features(real), _features(fake)
                )
            names = ("loss", "nll", *weights)
            return tuple(outputs[name] for name in names), outputs

        _, outputs, pullback = backend.vjp(
            parts, model.variable_groups()["generator"], persistent=True
        )
        adaptive = self.adaptive_weights(
            pullback, len(weights), model.last_kernel, rows
        )
        outputs["adaptive_weight"] = adaptive[0]
        ramp = self.ramp()
        cotangents = [
            ramp * weight * balance
            for weight, balance in zip(weights.values(), adaptive, strict=True)
        ]
        model.apply_pullback(
            pullback, (1.0, 0.0, *cotangents), rows, "generator"
        )
        return outputs

    def _step_discriminator(self, model, real, fake, rows):
        """Train the discriminator, with zero gradients before `start`."""
        is_on = ops.cast(self.steps >= self.start, "float32")

        def losses():
            logits_real = _logits(self(real, training=True))
            logits_fake = _logits(self(fake, training=True))
            loss = _mean_of(
                lambda real, fake: discriminator_loss(real, fake, self.loss),
                logits_real,
                logits_fake,
            )
            logs = {
                "discriminator_loss": loss,
                "logits_real": _mean_of(ops.mean, logits_real),
                "logits_fake": _mean_of(ops.mean, logits_fake),
            }
            if self.r1_weight:
                logs["r1_penalty"] = self.r1_penalty(real)
                loss = loss + 0.5 * self.r1_weight * logs["r1_penalty"]
            if self.lecam_weight:
                logs["lecam_loss"] = _mean_of(
                    lambda real, fake: lecam_regularizer(
                        real, fake, *self.logit_means
                    ),
                    logits_real,
                    logits_fake,
                )
                loss = loss + self.lecam_weight * logs["lecam_loss"]
            return (loss,), logs

        _, logs, pullback = backend.vjp(losses, self.trainable_variables)
        model.apply_pullback(pullback, (is_on,), rows, "discriminator")
        self._update_logit_means(logs, is_on, rows)
        # Steps before `start` must not count in the optimizer's bias
        # correction.
        optimizer = model.optimizer["discriminator"]
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            optimizer = optimizer.inner_optimizer
        counter = optimizer.iterations
        counter.assign(counter * ops.cast(is_on, counter.dtype))
        return logs

    def r1_penalty(self, real):
        """`mean |d D(x) / d x| ** 2`, with D(x) the mean logit of an input.

        This pass does not update moving averages of the discriminator, which
        has seen the same inputs before.
        """
        axes = tuple(range(1, len(real.shape)))

        def sum_of_means(x):
            logits = _logits(self(x, training=True))
            return ops.sum(_mean_of(_mean_of_each, logits))

        gradient = backend.input_gradient(sum_of_means, real)
        return ops.mean(ops.sum(ops.square(gradient), axis=axes))

    def adaptive_weights(self, pullback, count, last_kernel, rows):
        """Ratios of gradient norms at `last_kernel`: nll to each other loss.

        Args:
            pullback: Function of the cotangents of `loss`, `nll` and `count`
                more losses.
            count: int >= 1.
            last_kernel: Variable, the kernel of the decoder's last layer.
            rows: int or int tensor, number of rows of the batch.

        Returns:
            list of `count` float32 scalars.
        """
        share = backend.batch_share(rows)

        def norm(index):
            cotangents = [0.0] * (2 + count)
            cotangents[index] = 1.0 * share
            (gradient,) = backend.all_sum(
                *pullback(tuple(cotangents), [last_kernel])
            )
            return ops.sqrt(ops.sum(ops.square(gradient)))

        of_nll = norm(1)
        ratios = [of_nll / (norm(2 + i) + _EPSILON) for i in range(count)]
        return [
            ops.stop_gradient(ops.clip(ratio, 0.0, _MAX_WEIGHT))
            for ratio in ratios
        ]

    def ramp(self):
        """0 until step `start`, then rising linearly to 1."""
        since = ops.cast(self.steps - self.start, "float32")
        if self.ramp_steps == 0:
            return ops.cast(since >= 0, "float32")
        return ops.clip(since / self.ramp_steps, 0.0, 1.0)

    def num_updates(self):
        """Number of training steps of the discriminator so far, int32."""
        return ops.cast(ops.maximum(self.steps - self.start, 0), "int32")

    def _update_logit_means(self, logs, is_on, rows):
        """Update the moving averages with the logits of the global batch."""
        share = backend.batch_share(rows)
        values = backend.all_sum(
            *(
                ops.stop_gradient(logs[name]) * share
                for name in ("logits_real", "logits_fake")
            )
        )
        first = ops.cast(self.num_updates() == 0, "float32")
        rate = is_on * ops.maximum(1.0 - _LECAM_DECAY, first)
        for mean, value in zip(self.logit_means, values, strict=True):
            mean.assign(mean + rate * (value - mean))


def _logits(outputs):
    """list of the logits of each discriminator."""
    if isinstance(outputs, (list, tuple)):
        return [maps[-1] for maps in outputs]
    return [outputs]


def _features(outputs):
    """list of the features of all discriminators."""
    if not isinstance(outputs, (list, tuple)):
        raise ValueError(
            "`feature_weight` needs a discriminator that returns its features, "
            "such as keras_vq.networks.audio_discriminator. Received: one that "
            "returns logits alone"
        )
    return [each for maps in outputs for each in maps[:-1]]


def _mean_of(function, *lists):
    """Mean of a function over the elements of lists of equal length."""
    values = [function(*each) for each in zip(*lists, strict=True)]
    return sum(values) / len(values)


def _mean_of_each(logits):
    return ops.mean(logits, axis=tuple(range(1, len(logits.shape))))


def _relative_difference(real, fake):
    real = ops.cast(ops.stop_gradient(real), "float32")
    difference = ops.mean(ops.abs(real - ops.cast(fake, "float32")))
    return difference / (ops.mean(ops.abs(real)) + keras.config.epsilon())
