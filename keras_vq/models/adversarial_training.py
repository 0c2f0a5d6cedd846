from typing import Any

import keras
from keras import ops

from keras_vq import backend
from keras_vq.losses import discriminator_loss
from keras_vq.losses import generator_loss
from keras_vq.losses import lecam_regularizer
from keras_vq.losses.adversarial import check_kind
from keras_vq.models.first_stage import FirstStage
from keras_vq.networks import check_sizes
from keras_vq.networks import patch_discriminator

# The adaptive weight's least divisor and its greatest value.
_EPSILON, _MAX_WEIGHT = 1e-4, 1e4
_LECAM_DECAY = 0.999


class AdversarialTraining(FirstStage):
    """Base of autoencoders that also play against a patch discriminator.

    ```
    weight        = |d nll / d last| / (|d gan / d last| + 1e-4), in [0, 1e4]
    autoencoder   : nll + bottleneck + ramp * disc_weight * weight * gan
    discriminator : hinge or non-saturating loss + r1_weight / 2 * R1
                    + lecam_weight * LeCam, from step disc_start on
    ```

    where `last` is the kernel of the decoder's last convolution and `ramp`
    rises from 0 at step `disc_start` to 1 after `disc_ramp_steps` more.

    A subclass calls `add_discriminator(...)` when its encoder and decoder are
    built and defines `autoencode(x, training)`, which returns a dict with
    `loss` = `nll` + `bottleneck_loss`, these two, `reconstruction`, and
    `decoded`, which is the reconstruction in the networks' range of [-1, 1].

    References:
        Esser et al., Taming Transformers for High-Resolution Image Synthesis,
        2021, section 3.1.
        Mescheder et al., Which Training Methods for GANs do actually
        Converge?, 2018, section 4.1, R1.
    """

    decoder: keras.Model
    discriminator: Any  # a keras.Model, or None

    def add_discriminator(
        self,
        disc_weight,
        disc_start,
        disc_ramp_steps,
        disc_loss,
        disc_hidden_dim,
        disc_num_layers,
        disc_normalization,
        r1_weight,
        lecam_weight,
    ):
        """Make the discriminator, unless `disc_weight` is 0, and its logs."""
        check_kind(disc_loss)
        check_sizes(
            None,
            disc_hidden_dim=disc_hidden_dim,
            disc_num_layers=disc_num_layers,
        )
        self.disc_weight = disc_weight
        self.disc_start = disc_start
        self.disc_ramp_steps = disc_ramp_steps
        self.disc_loss = disc_loss
        self.disc_hidden_dim = disc_hidden_dim
        self.disc_num_layers = disc_num_layers
        self.disc_normalization = disc_normalization
        self.r1_weight = r1_weight
        self.lecam_weight = lecam_weight
        for name in (
            "disc_weight",
            "disc_start",
            "disc_ramp_steps",
            "r1_weight",
            "lecam_weight",
        ):
            value = getattr(self, name)
            if value < 0:
                raise ValueError(
                    f"`{name}` must not be negative. Received: {name}={value}"
                )
        self.discriminator = None
        if disc_weight == 0:
            return
        self.discriminator = patch_discriminator(
            self.input_shape,
            disc_hidden_dim,
            disc_num_layers,
            disc_normalization,
            self.dtype_policy,
        )
        self.steps = self._state("steps", "int32")
        self.logit_means = [
            self._state(f"mean_logit_{side}", "float32")
            for side in ("real", "fake")
        ]

    def _state(self, name, dtype):
        return self.add_weight(
            name=name,
            shape=(),
            initializer="zeros",
            dtype=dtype,
            trainable=False,
            aggregation="only_first_replica",
        )

    @property
    def adversarial_logs(self):
        """Names of the scalars that only training has."""
        if self.discriminator is None:
            return ()
        return (
            "generator_loss",
            "discriminator_loss",
            "logits_real",
            "logits_fake",
            "adaptive_weight",
            *(("r1_penalty",) if self.r1_weight else ()),
            *(("lecam_loss",) if self.lecam_weight else ()),
        )

    def autoencode(self, x, training):
        """The reconstruction of a batch and its losses; see the class."""
        raise NotImplementedError

    def losses_of(self, x, training):
        outputs = self.autoencode(x, training)
        return outputs["loss"], outputs

    def variable_groups(self):
        groups = {"generator": self.trainable_variables}
        if self.discriminator is not None:
            judges = self.discriminator.trainable_variables
            known = {id(v) for v in judges}
            groups["generator"] = [
                v for v in self.trainable_variables if id(v) not in known
            ]
            groups["discriminator"] = judges
        return groups

    @property
    def last_kernel(self):
        """The kernel of the decoder's last convolution."""
        return self.decoder.layers[-1].kernel

    def training_step(self, data):
        (x,) = self.inputs_of(data)
        outputs = self.generator_step(x)
        if self.discriminator is None:
            return self.logs_of(x, outputs)
        outputs |= self.discriminator_step(
            self.to_network_range(x), ops.stop_gradient(outputs["decoded"])
        )
        self.steps.assign_add(1)
        logs = self.logs_of(x, outputs)
        # A count is no average over the epoch.
        return {**logs, "discriminator_steps": self.discriminator_steps()}

    def generator_step(self, x):
        """One step of encoder, bottleneck and decoder; what came of it."""
        plays = self.discriminator is not None

        def losses():
            outputs = self.autoencode(x, training=True)
            parts = [outputs["nll"], outputs["bottleneck_loss"]]
            if plays:
                logits = self.discriminator(outputs["decoded"], training=True)
                outputs["generator_loss"] = generator_loss(
                    logits, self.disc_loss
                )
                parts.append(outputs["generator_loss"])
            return tuple(parts), outputs

        _, outputs, pullback = self.vjp(
            losses, self.variable_groups()["generator"], persistent=plays
        )
        rows = ops.shape(x)[0]
        cotangents = [1.0, 1.0]
        if plays:
            weight = self.adaptive_weight(pullback, rows)
            outputs["adaptive_weight"] = weight
            cotangents.append(self.ramp() * self.disc_weight * weight)
        self.apply_pullback(pullback, cotangents, "generator", rows)
        return outputs

    def discriminator_step(self, real, fake):
        """One step of the discriminator; before `disc_start` it learns nothing.

        Args:
            real: float tensor `(batch, *input_shape)` in [-1, 1].
            fake: The same, generated.
        """
        rows = ops.shape(real)[0]
        on = ops.cast(self.steps >= self.disc_start, "float32")

        def losses():
            logits_real = self.discriminator(real, training=True)
            logits_fake = self.discriminator(fake, training=True)
            loss = discriminator_loss(logits_real, logits_fake, self.disc_loss)
            logs = {
                "discriminator_loss": loss,
                "logits_real": ops.mean(logits_real),
                "logits_fake": ops.mean(logits_fake),
            }
            if self.r1_weight:
                logs["r1_penalty"] = self.r1_penalty(real)
                loss = loss + 0.5 * self.r1_weight * logs["r1_penalty"]
            if self.lecam_weight:
                logs["lecam_loss"] = lecam_regularizer(
                    logits_real, logits_fake, *self.logit_means
                )
                loss = loss + self.lecam_weight * logs["lecam_loss"]
            return (loss,), logs

        _, logs, pullback = self.vjp(
            losses, self.discriminator.trainable_variables
        )
        self.apply_pullback(pullback, (on,), "discriminator", rows)
        self._follow_logits(logs, on, rows)
        # Steps without a gradient do not count for the optimizer either.
        optimizer = self.optimizer["discriminator"]
        counter = getattr(optimizer, "inner_optimizer", optimizer).iterations
        counter.assign(counter * ops.cast(on, counter.dtype))
        return logs

    def r1_penalty(self, real):
        """`mean |d D(x) / d x| ** 2`, D(x) the mean logit of an input."""
        axes = tuple(range(1, len(self.input_shape) + 1))

        def sum_of_means(x):
            return ops.sum(
                ops.mean(self.discriminator(x, training=True), axis=axes)
            )

        gradient = backend.input_gradient(sum_of_means, real)
        return ops.mean(ops.sum(ops.square(gradient), axis=axes))

    def adaptive_weight(self, pullback, rows):
        """How strong the adversarial gradient must be to equal that of nll."""
        share = backend.batch_share(rows)

        def norm(*cotangents):
            (gradient,) = pullback(cotangents, [self.last_kernel])
            (joint,) = backend.all_sum(gradient * share)
            return ops.sqrt(ops.sum(ops.square(joint)))

        weight = norm(1.0, 0.0, 0.0) / (norm(0.0, 0.0, 1.0) + _EPSILON)
        return ops.stop_gradient(ops.clip(weight, 0.0, _MAX_WEIGHT))

    def ramp(self):
        """0 until step `disc_start`, then by a line to 1."""
        since = ops.cast(self.steps - self.disc_start, "float32")
        if self.disc_ramp_steps == 0:
            return ops.cast(since >= 0, "float32")
        return ops.clip(since / self.disc_ramp_steps, 0.0, 1.0)

    def discriminator_steps(self):
        """int32 scalar, how many steps the discriminator has learned."""
        return ops.cast(ops.maximum(self.steps - self.disc_start, 0), "int32")

    def _follow_logits(self, logs, on, rows):
        """Moving averages of the logits, over the joint batch of replicas."""
        share = backend.batch_share(rows)
        sides = ("logits_real", "logits_fake")
        joint = backend.all_sum(
            *(ops.stop_gradient(logs[side]) * share for side in sides)
        )
        first = ops.cast(self.discriminator_steps() == 0, "float32")
        rate = on * ops.maximum(1.0 - _LECAM_DECAY, first)
        for mean, value in zip(self.logit_means, joint, strict=True):
            mean.assign(mean + rate * (value - mean))

    def evaluation_step(self, data):
        logs = super().evaluation_step(data)
        # Metrics that only training feeds stand at zero.
        return {k: v for k, v in logs.items() if k not in self.adversarial_logs}

    def get_config(self):
        config = super().get_config()
        # The reconstruction loss is not that of a likelihood.
        del config["likelihood"], config["data_variance"]
        return {
            **config,
            "disc_weight": self.disc_weight,
            "disc_start": self.disc_start,
            "disc_ramp_steps": self.disc_ramp_steps,
            "disc_loss": self.disc_loss,
            "disc_hidden_dim": self.disc_hidden_dim,
            "disc_num_layers": self.disc_num_layers,
            "disc_normalization": self.disc_normalization,
            "r1_weight": self.r1_weight,
            "lecam_weight": self.lecam_weight,
        }
