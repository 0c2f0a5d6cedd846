import keras
import numpy as np
from keras import ops

from keras_vq import samplers
from keras_vq.checks import check_int
from keras_vq.checks import check_number
from keras_vq.checks import check_type
from keras_vq.networks import Conditioning
from keras_vq.networks import DenoisingTransformer
from keras_vq.ops.masked_mean import masked_mean
from keras_vq.priors.drawing import draw
from keras_vq.priors.parallel import at_codes
from keras_vq.priors.parallel import guided_log_probs
from keras_vq.priors.parallel import gumbel
from keras_vq.priors.parallel import lowest
from keras_vq.priors.prior import Prior
from keras_vq.saving.config import serializable
from keras_vq.schedules import CosineMasking
from keras_vq.schedules import Masking
from keras_vq.training.batches import in_batches
from keras_vq.training.batches import to_array


@serializable
class MaskGIT(Prior):
    """A prior that predicts all masked codes at once and keeps the surest.

    Training masks a random share of the codes and predicts them from the
    others. Sampling starts with masks alone; each step samples all masked codes
    in parallel and masks those again of which the network is least confident,
    so that a fixed number is left by the schedule. A few steps suffice, and
    every code sees all others: inpainting works in every direction.

    Args:
        network: `keras_vq.networks.DenoisingTransformer`.
        masking: `keras_vq.schedules.Masking`. None for `CosineMasking()`.
            Defaults to None.
        num_steps: int >= 1, steps of sampling. Defaults to 12.
        choice_temperature: float >= 0, weight of the Gumbel noise added to the
            log-confidence; it decays to 0 at the last step. Defaults to 4.5.
        label_smoothing: float in [0, 1), share of the target's probability
            spread over all codes in training. Defaults to 0.1.
        label_dropout: float in [0, 1), share of training examples whose label
            is replaced by "no label", for classifier-free guidance. Defaults to
            0.0.
        seed: int or None, seed of masks and dropout. Defaults to None.
        tokenizer_fingerprint: See `Prior`. Defaults to None.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Call arguments:
        inputs: int tensor `(batch, *code_shape)`, codes, where the value
            `num_embeddings` is the mask; with a condition the pair `(codes,
            condition)`; with `num_classes` a pair of that and an int tensor
            `(batch,)`, labels.
        training: bool. Defaults to False.

    Returns:
        float32 tensor `(batch, *code_shape, num_embeddings)`, logits.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> network = keras_vq.networks.DenoisingTransformer(
    ...     (4, 4), 16, num_classes=10, num_layers=2, hidden_dim=32)
    >>> prior = keras_vq.priors.MaskGIT(network, num_steps=4)
    >>> prior.compile("adam")
    >>> codes = np.random.randint(16, size=(8, 4, 4))
    >>> history = prior.fit(codes, np.arange(8), verbose=0)
    >>> prior.generate(2, labels=[3, 7], seed=0).shape
    (2, 4, 4)

    References:
        Chang et al., MaskGIT: Masked Generative Image Transformer, 2022.
    """

    def __init__(
        self,
        network,
        masking=None,
        num_steps=12,
        choice_temperature=4.5,
        label_smoothing=0.1,
        label_dropout=0.0,
        seed=None,
        tokenizer_fingerprint=None,
        **kwargs,
    ):
        check_type(
            "network",
            network,
            DenoisingTransformer,
            "a keras_vq.networks.DenoisingTransformer",
        )
        masking = masking or CosineMasking()
        check_type("masking", masking, Masking, "a keras_vq.schedules.Masking")
        if network.takes_time:
            raise ValueError(
                "A MaskGIT has no time. Received: a network with "
                "takes_time=True"
            )
        super().__init__(label_dropout, seed, tokenizer_fingerprint, **kwargs)
        self.network = network
        self.masking = masking
        self.num_steps = check_int("num_steps", num_steps)
        self.choice_temperature = check_number(
            "choice_temperature", choice_temperature, at_least=0
        )
        self.label_smoothing = check_number(
            "label_smoothing", label_smoothing, at_least=0, below=1
        )
        self.condition_shape = network.condition_shape
        self.describe(
            network.code_shape, network.num_embeddings, network.num_classes
        )
        self.mask_index = network.num_embeddings
        self.track("loss", "accuracy")

    @property
    def drops_condition(self):
        return self.condition_shape is not None

    @property
    def num_draws(self):
        # In each step, one number per code for the code, one for the choice.
        return 2 * self.num_steps * self.num_codes

    def call(self, inputs, training=False):
        codes, conditioning = self.split(inputs)
        return self.network(codes, conditioning, training=training)

    # === Training ===

    def losses_of(self, x, labels, training):
        codes, conditioning = self.with_condition(x, labels)
        if training:
            conditioning = self.drop_labels(conditioning)
        # Evaluation uses the same masks each time.
        seed = self.seed_generator if training else 0
        noise = keras.random.uniform(
            (ops.shape(codes)[0], self.num_codes + 1), seed=seed
        )
        share = self.masking.share(noise[:, 0])
        count = ops.ceil(share * self.num_codes)
        masked = ops.reshape(
            lowest(noise[:, 1:], ops.maximum(count, 1.0)), ops.shape(codes)
        )
        log_probs = self.log_probs(codes, masked, conditioning, training)
        targets = at_codes(log_probs, codes)
        smoothing = self.label_smoothing
        log_likelihood = (1 - smoothing) * targets + smoothing * ops.mean(
            log_probs, axis=-1
        )
        hits = ops.equal(ops.argmax(log_probs, axis=-1), codes)
        # Per masked code, of which an example has this number on average.
        expected = self.masking.mean_share * self.num_codes
        nats = ops.where(masked, -log_likelihood, 0.0)
        nats = ops.sum(ops.reshape(nats, (-1, self.num_codes)), axis=-1)
        return {
            "loss": masked_mean(nats) / expected,
            "accuracy": masked_mean(hits, masked),
        }

    def log_probs(self, codes, masked, conditioning, training=False):
        """Log-probabilities of all codes, given those that are not masked.

        Args:
            codes: int32 tensor `(batch, *code_shape)`.
            masked: bool tensor of that shape.
            conditioning: `keras_vq.networks.Conditioning`.
            training: bool. Defaults to False.

        Returns:
            float32 tensor `(batch, *code_shape, num_embeddings)`.
        """
        visible = ops.where(masked, self.mask_index, codes)
        logits = self.network(visible, conditioning, training=training)
        return ops.log_softmax(logits, axis=-1)

    def log_prob(
        self,
        codes,
        labels=None,
        condition=None,
        batch_size=32,
        num_masks=16,
        seed=0,
    ):
        """Lower bound of log p(codes | labels, condition), estimated.

        The bound is that of a model that generates the codes one by one in a
        random order:

        ```
        log p(codes) >= N E[(1 / m) sum over the m masked codes of
                            log p(code | codes that are not masked)]
        ```

        for a uniform number m from 1 to N and a random mask of m codes.

        Args:
            codes, labels, condition, batch_size: See `Prior.log_prob`.
            num_masks: int >= 1, masks per example, with m spread evenly over
                its range. Defaults to 16.
            seed: int, seed of the masks. Defaults to 0.

        Returns:
            NumPy float32 array `(n,)`, in nats, summed over the codes of an
            example.

        Raises:
            ValueError: If an argument does not fit.

        References:
            Hoogeboom et al., Autoregressive Diffusion Models, 2022, section 3.
        """
        codes = to_array(codes)
        self.check_codes(codes)
        check_int("num_masks", num_masks)
        conditioning = self.conditioning_arrays(labels, condition, len(codes))
        noise = samplers.uniform_noise(
            seed, len(codes), num_masks * (self.num_codes + 1)
        )
        noise = noise.reshape(len(codes), num_masks, self.num_codes + 1)
        first = (np.arange(num_masks) + noise[:, :, 0]) / num_masks
        count = 1 + np.floor(first * self.num_codes)  # from 1 to N
        step = self.jit(self.log_prob_step, loop=True)
        return in_batches(
            step,
            [
                codes.astype("int32"),
                noise[:, :, 1:],
                np.minimum(count, self.num_codes).astype("float32"),
                conditioning,
            ],
            batch_size,
        )

    def log_prob_step(self, codes, noise, count, conditioning=Conditioning()):
        """`log_prob` of one batch of tensors, float32 `(batch,)`.

        Args:
            codes: int32 tensor `(batch, *code_shape)`.
            noise: float32 tensor `(batch, num_masks, num_codes)`.
            count: float32 tensor `(batch, num_masks)`, sizes of the masks.
            conditioning: `keras_vq.networks.Conditioning`.
        """

        def add(index, total):
            masked = ops.reshape(
                lowest(noise[:, index], count[:, index]), ops.shape(codes)
            )
            log_probs = self.log_probs(codes, masked, conditioning)
            nats = ops.where(masked, at_codes(log_probs, codes), 0.0)
            nats = ops.sum(ops.reshape(nats, (-1, self.num_codes)), axis=-1)
            return total + nats / ops.maximum(count[:, index], 1.0)

        start = ops.zeros_like(count[:, 0])
        total = ops.fori_loop(0, count.shape[1], add, start)
        return total * (self.num_codes / count.shape[1])

    # === Sampling ===

    def generate(
        self,
        num_samples,
        labels=None,
        condition=None,
        seed=None,
        batch_size=64,
        temperature=1.0,
        top_k=None,
        top_p=None,
        guidance_scale=None,
        prompt=None,
        sampler=None,
        num_steps=None,
        choice_temperature=None,
    ):
        """Sample codes in a compiled loop.

        Args:
            num_samples, labels, condition, seed, batch_size, temperature,
                top_k, top_p, guidance_scale, prompt, sampler: See
                `AutoregressivePrior.generate`.
            num_steps, choice_temperature: Instead of the model's. Default to
                None.

        Returns:
            NumPy int32 array `(num_samples, *code_shape)`.

        Raises:
            ValueError: If an argument does not fit.
        """
        codes, known = self.start_from(num_samples, prompt)
        return self.complete(
            codes,
            known,
            labels,
            condition,
            seed,
            batch_size,
            sampler or samplers.get(temperature, top_k, top_p),
            guidance_scale,
            num_steps,
            choice_temperature,
        )

    def complete(
        self,
        codes,
        known,
        labels=None,
        condition=None,
        seed=None,
        batch_size=64,
        sampler=None,
        guidance_scale=None,
        num_steps=None,
        choice_temperature=None,
    ):
        """Keep the known codes and sample the others, given all known ones.

        Args:
            codes: int array `(n, *code_shape)`.
            known: bool array `(n, *code_shape)`, True for codes to keep.
            labels, condition, seed, batch_size, guidance_scale, num_steps,
                choice_temperature: See `generate`.
            sampler: `keras_vq.samplers.Sampler`; None samples from the whole
                softmax. Defaults to None.

        Returns:
            NumPy int32 array `(n, *code_shape)`.

        Raises:
            ValueError: If an argument does not fit.
        """
        num_steps = self.num_steps if num_steps is None else num_steps
        if choice_temperature is None:
            choice_temperature = self.choice_temperature
        check_int("num_steps", num_steps)
        check_number("choice_temperature", choice_temperature, at_least=0)
        return draw(
            self,
            codes,
            known,
            labels,
            condition,
            seed,
            batch_size,
            sampler,
            guidance_scale,
            plan_of=lambda num_hidden: self.plan(
                num_hidden, num_steps, choice_temperature
            ),
            draws_per_code=2 * num_steps,
            rows_per_example=self.num_codes,
        )

    def plan(self, num_hidden, num_steps, choice_temperature):
        """What each step of sampling does.

        Args:
            num_hidden: int array `(n,)`, codes to sample.
            num_steps: int >= 1.
            choice_temperature: float >= 0.

        Returns:
            Pair of NumPy arrays `(n, num_steps)`: int32, masked codes after
            each step; float32, weight of the Gumbel noise, which falls to 0.
        """
        num_masked = self.masking.num_masked(num_hidden, num_steps)
        falling = 1 - np.arange(1, num_steps + 1, dtype="float32") / num_steps
        weight = np.tile(choice_temperature * falling, (len(num_masked), 1))
        return num_masked, weight

    def draw_step(
        self,
        codes,
        known,
        noise,
        conditioning,
        sampler,
        guidance=None,
        plan=None,
    ):
        if plan is None:
            plan = self.plan(
                [self.num_codes], self.num_steps, self.choice_temperature
            )
        num_masked, weight = map(ops.convert_to_tensor, plan)
        shape = (-1, num_masked.shape[1], 2, self.num_codes)
        noise = ops.reshape(noise, shape)
        if guidance is not None:
            conditioning = self.with_unconditional(conditioning)

        def step(index, codes):
            log_probs = guided_log_probs(
                self.network, codes, conditioning, guidance
            )
            drawn = sampler(
                ops.reshape(log_probs, (-1, self.num_embeddings)),
                ops.reshape(noise[:, index, 0], (-1,)),
            )
            drawn = ops.reshape(drawn, ops.shape(codes))
            confidence = at_codes(log_probs, drawn)
            confidence += weight[:, index, None] * gumbel(noise[:, index, 1])
            masked = codes == self.mask_index
            confidence = ops.where(masked, confidence, np.inf)
            again = lowest(confidence, num_masked[:, index])
            revealed = ops.logical_and(masked, ops.logical_not(again))
            return ops.where(revealed, drawn, codes)

        start = ops.where(known, codes, self.mask_index)
        return ops.fori_loop(0, num_masked.shape[1], step, start)
