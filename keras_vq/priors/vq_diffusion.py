import numpy as np
from keras import ops
from keras import random

from keras_vq import samplers
from keras_vq.checks import check_flag
from keras_vq.checks import check_int
from keras_vq.checks import check_number
from keras_vq.checks import check_type
from keras_vq.networks import Conditioning
from keras_vq.networks import DenoisingTransformer
from keras_vq.ops.inverse_cdf import inverse_cdf
from keras_vq.ops.masked_mean import masked_mean
from keras_vq.priors.drawing import draw
from keras_vq.priors.loss_history import LossHistory
from keras_vq.priors.parallel import at_codes
from keras_vq.priors.parallel import guided_log_probs
from keras_vq.priors.parallel import gumbel
from keras_vq.priors.parallel import lowest
from keras_vq.priors.prior import Prior
from keras_vq.saving.config import serializable
from keras_vq.schedules import Corruption
from keras_vq.schedules import MaskAndReplace
from keras_vq.schedules.corruption import Kept
from keras_vq.schedules.corruption import divergence
from keras_vq.schedules.corruption import even_counts
from keras_vq.schedules.corruption import one_hot
from keras_vq.schedules.corruption import posterior
from keras_vq.training.batches import in_batches
from keras_vq.training.batches import to_array

# Steps of sampling in continuous time.
_NUM_STEPS = 64
# Logits of codes that are impossible.
_IMPOSSIBLE = -1e9


@serializable
class VQDiffusion(Prior):
    """Discrete diffusion: a prior that restores corrupted codes step by step.

    Training corrupts codes until a random time, and the network predicts the
    codes before the corruption, x_0. Sampling starts with masks alone. A step
    from time t to an earlier time s draws codes x_0 from the network's
    prediction, and then `x_s` from the exact posterior `q(x_s | x_t, x_0)`.

    ```
    loss = E_t[KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t))] / num_codes
           + auxiliary_weight * mean(-log p(x_0 | x_t))
    ```

    summed over the T steps t. In continuous time the first term is
    `E_t[sum over masked codes of -log p(x_0 | x_t) / t]`.

    Args:
        network: `keras_vq.networks.DenoisingTransformer` with
            `takes_time=True`.
        corruption: `keras_vq.schedules.Corruption`, such as
            `keras_vq.schedules.Absorbing()`. None for `MaskAndReplace()`.
            Defaults to None.
        num_steps: int or None, steps of sampling; None for those of the
            corruption, or 64 in continuous time. Defaults to None.
        auxiliary_weight: float >= 0, weight of the auxiliary loss. Defaults to
            5e-4.
        truncation: float in (0, 1] or None, the `top_p` of sampling where none
            is given; 0.86 in the paper. Defaults to None.
        label_dropout: float in [0, 1), share of training examples whose label
            is replaced by "no label", for classifier-free guidance. Defaults to
            0.0.
        seed: int or None, seed of the corruption and of dropout. Defaults to
            None.
        tokenizer_fingerprint: See `Prior`. Defaults to None.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Call arguments:
        inputs: int tensor `(batch, *code_shape)`, codes, where the value
            `num_embeddings` is the mask; with a condition the pair `(codes,
            condition)`; with `num_classes` a pair of that and an int tensor
            `(batch,)`, labels.
        training: bool. Defaults to False.

    Returns:
        float32 tensor `(batch, *code_shape, num_embeddings)`, logits at the
        time 1, where all codes are corrupted.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> network = keras_vq.networks.DenoisingTransformer(
    ...     (4, 4), 16, num_layers=2, hidden_dim=32, takes_time=True)
    >>> prior = keras_vq.priors.VQDiffusion(network)
    >>> prior.compile("adam")
    >>> codes = np.random.randint(16, size=(8, 4, 4))
    >>> history = prior.fit(codes, verbose=0)
    >>> prior.generate(2, seed=0, num_steps=10).shape
    (2, 4, 4)

    References:
        Gu et al., Vector Quantized Diffusion Model for Text-to-Image
        Synthesis, 2022, section 4.
        Sahoo et al., Simple and Effective Masked Diffusion Language Models,
        2024, for continuous time.
    """

    def __init__(
        self,
        network,
        corruption=None,
        num_steps=None,
        auxiliary_weight=5e-4,
        truncation=None,
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
        corruption = corruption or MaskAndReplace()
        check_type(
            "corruption",
            corruption,
            Corruption,
            "a keras_vq.schedules.Corruption",
        )
        if not network.takes_time:
            raise ValueError(
                "A VQDiffusion needs a network with takes_time=True. Received: "
                "takes_time=False"
            )
        super().__init__(label_dropout, seed, tokenizer_fingerprint, **kwargs)
        self.network = network
        self.corruption = corruption
        if num_steps is None:
            num_steps = corruption.num_steps or _NUM_STEPS
        self.num_steps = check_int(
            "num_steps", num_steps, 1, corruption.num_steps
        )
        if truncation is not None:
            check_number("truncation", truncation, above=0, at_most=1)
        self.truncation = truncation
        self.auxiliary_weight = check_number(
            "auxiliary_weight", auxiliary_weight, at_least=0
        )
        self.condition_shape = network.condition_shape
        self.describe(
            network.code_shape, network.num_embeddings, network.num_classes
        )
        self.mask_index = network.num_embeddings
        self.loss_history: LossHistory | None = None
        if corruption.num_steps is not None:
            self.loss_history = LossHistory(corruption.num_steps)
        self.track("loss", "bound", "accuracy")

    @property
    def drops_condition(self):
        return self.condition_shape is not None

    @property
    def num_draws(self):
        # In each step, one number per code for x_0, one for x_s.
        return 2 * self.num_steps * self.num_codes

    def call(self, inputs, training=False):
        codes, conditioning = self.split(inputs)
        time = ops.ones((ops.shape(codes)[0],))
        return self.network(codes, conditioning, time, training=training)

    # === Training ===

    def losses_of(self, x, labels, training):
        codes, conditioning = self.with_condition(x, labels)
        if training:
            conditioning = self.drop_labels(conditioning)
        codes = ops.reshape(codes, (-1, self.num_codes))
        # Evaluation uses the same corruption each time.
        seed = self.seed_generator if training else 0
        noise = random.uniform(
            (ops.shape(codes)[0], self.num_codes + 1), seed=seed
        )
        history = self.loss_history if training else None
        if history is None:
            time, weight = self.corruption.time_of(noise[:, 0]), 1.0
        else:
            index, weight = history.draw(noise[:, 0])
            time = (ops.cast(index, "float32") + 1.0) / history.num_steps
        corrupted = self.corruption.corrupt(
            codes, time, noise[:, 1:], self.num_embeddings
        )
        log_probs = self.log_probs(corrupted, time, conditioning, training)

        nats = self.corruption.nats(codes, corrupted, log_probs, time)
        nats = ops.sum(nats, axis=-1) / self.num_codes
        if history is not None:
            history.update(index, nats)
        bound = masked_mean(weight * nats)
        auxiliary = -ops.mean(at_codes(log_probs, codes), axis=-1)
        hits = ops.equal(ops.argmax(log_probs, axis=-1), codes)
        return {
            "loss": bound
            + self.auxiliary_weight * masked_mean(weight * auxiliary),
            "bound": bound,
            "accuracy": masked_mean(hits, corrupted == self.mask_index),
        }

    def log_probs(self, corrupted, time, conditioning, training=False):
        """Log-probabilities of the codes before the corruption.

        Args:
            corrupted: int32 tensor `(batch, num_codes)`.
            time: float32 tensor `(batch,)`.
            conditioning: `keras_vq.networks.Conditioning`.
            training: bool. Defaults to False.

        Returns:
            float32 tensor `(batch, num_codes, num_embeddings)`.
        """
        shape = (-1, *self.code_shape)
        logits = self.network(
            ops.reshape(corrupted, shape), conditioning, time, training=training
        )
        shape = (-1, self.num_codes, self.num_embeddings)
        log_probs = ops.log_softmax(ops.reshape(logits, shape), axis=-1)
        return self.without_replacement(corrupted, log_probs)

    def without_replacement(self, corrupted, log_probs):
        """Be sure of codes that are not masked, if none is replaced."""
        if self.corruption.replaces:
            return log_probs
        masked = (corrupted == self.mask_index)[..., None]
        same = one_hot(corrupted, self.num_embeddings)
        sure = ops.where(same > 0, 0.0, _IMPOSSIBLE)
        return ops.where(masked, log_probs, sure)

    def log_prob(
        self,
        codes,
        labels=None,
        condition=None,
        batch_size=32,
        num_times=16,
        seed=0,
    ):
        """Lower bound of log p(codes | labels, condition), estimated.

        The bound is that of a model that starts with masks alone, as `generate`
        does, and takes all steps of the corruption.

        Args:
            codes, labels, condition, batch_size: See `Prior.log_prob`.
            num_times: int >= 1, times per example, spread evenly; the T of a
                corruption in T steps covers each once. Defaults to 16.
            seed: int, seed of the corruption. Defaults to 0.

        Returns:
            NumPy float32 array `(n,)`, in nats, summed over the codes of an
            example.

        Raises:
            ValueError: If an argument does not fit.

        References:
            Gu et al., 2022, section 4.1; Sahoo et al., 2024, section 3.4.
        """
        codes = to_array(codes)
        self.check_codes(codes)
        check_int("num_times", num_times)
        conditioning = self.conditioning_arrays(labels, condition, len(codes))
        noise = samplers.uniform_noise(
            seed, len(codes), num_times * (self.num_codes + 1)
        )
        noise = noise.reshape(len(codes), num_times, self.num_codes + 1)
        noise[:, :, 0] = (np.arange(num_times) + noise[:, :, 0]) / num_times
        step = self.jit(self.log_prob_step, loop=True)
        flat = codes.reshape(len(codes), self.num_codes).astype("int32")
        return in_batches(step, [flat, noise, conditioning], batch_size)

    def log_prob_step(self, codes, noise, conditioning=Conditioning()):
        """`log_prob` of one batch of tensors, float32 `(batch,)`.

        Args:
            codes: int32 tensor `(batch, num_codes)`.
            noise: float32 tensor `(batch, num_times, num_codes + 1)`, for times
                and corruption.
            conditioning: `keras_vq.networks.Conditioning`.
        """
        corruption, num_embeddings = self.corruption, self.num_embeddings

        def add(index, total):
            time = corruption.time_of(noise[:, index, 0])
            corrupted = corruption.corrupt(
                codes, time, noise[:, index, 1:], num_embeddings
            )
            log_probs = self.log_probs(corrupted, time, conditioning)
            nats = corruption.nats(codes, corrupted, log_probs, time)
            return total + ops.sum(nats, axis=-1)

        times = noise.shape[1]
        start = ops.zeros_like(noise[:, 0, 0])
        nats = ops.fori_loop(0, times, add, start) / times
        # From masks alone to the codes at time 1.
        last = Kept(*map(float, corruption.kept(1.0, num_embeddings)))
        masks = ops.full_like(codes, self.mask_index)
        log_probs = self.log_probs(masks, ops.ones_like(start), conditioning)
        true = last.keep * one_hot(codes, num_embeddings) + last.replace
        found = last.keep * ops.exp(log_probs) + last.replace
        return -nats - ops.sum(divergence(true, found), axis=-1)

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
        fixed_counts=False,
    ):
        """Sample codes in a compiled loop.

        Args:
            num_samples, labels, condition, seed, batch_size, temperature,
                top_k, guidance_scale, prompt, sampler: See
                `AutoregressivePrior.generate`. They apply to the prediction of
                x_0.
            top_p: float in (0, 1] or None, instead of the model's
                `truncation`. Defaults to None.
            num_steps: int or None, steps, spread evenly over time. Defaults to
                None, the model's.
            fixed_counts: bool, whether each step reveals a fixed number of
                masked codes, those of which the network is surest first, and
                replaces none (high-quality inference, with the purity prior).
                Defaults to False.

        Returns:
            NumPy int32 array `(num_samples, *code_shape)`.

        Raises:
            ValueError: If an argument does not fit.

        References:
            Gu et al., 2022, section 4.3; Tang et al., Improved Vector
            Quantized Diffusion Models, 2022, section 3.2.
        """
        codes, known = self.start_from(num_samples, prompt)
        return self.complete(
            codes,
            known,
            labels,
            condition,
            seed,
            batch_size,
            sampler or self.sampler_of(temperature, top_k, top_p),
            guidance_scale,
            num_steps,
            fixed_counts,
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
        fixed_counts=False,
    ):
        """Keep the known codes and sample the others, given all known ones.

        Args:
            codes: int array `(n, *code_shape)`.
            known: bool array `(n, *code_shape)`, True for codes to keep.
            labels, condition, seed, batch_size, guidance_scale, num_steps,
                fixed_counts: See `generate`.
            sampler: `keras_vq.samplers.Sampler`; None samples with the model's
                `truncation`. Defaults to None.

        Returns:
            NumPy int32 array `(n, *code_shape)`.

        Raises:
            ValueError: If an argument does not fit.
        """
        num_steps = self.num_steps if num_steps is None else num_steps
        self.corruption.times(num_steps)  # checks them
        sampler = sampler or self.sampler_of()
        plan_of = None
        if check_flag("fixed_counts", fixed_counts):

            def plan_of(num_hidden):
                return np.stack([even_counts(n, num_steps) for n in num_hidden])

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
            plan_of,
            draws_per_code=2 * num_steps,
            rows_per_example=self.num_codes,
        )

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
        # The plan, if any, is the number of codes that each step reveals.
        num_steps = noise.shape[1] // (2 * self.num_codes)
        noise = ops.reshape(noise, (-1, num_steps, 2, self.num_codes))
        numbers = ops.convert_to_tensor(
            self.corruption.steps(num_steps, self.num_embeddings)
        )
        if guidance is not None:
            conditioning = self.with_unconditional(conditioning)

        def step(index, corrupted):
            first, second = noise[:, index, 0], noise[:, index, 1]
            log_probs = self.without_replacement(
                corrupted,
                guided_log_probs(
                    self.network,
                    corrupted,
                    conditioning,
                    guidance,
                    numbers[index, 0],
                ),
            )
            drawn = sampler(
                ops.reshape(log_probs, (-1, self.num_embeddings)),
                ops.reshape(first, (-1,)),
            )
            drawn = ops.reshape(drawn, ops.shape(corrupted))
            if plan is None:
                earlier = inverse_cdf(
                    posterior(
                        corrupted,
                        one_hot(drawn, self.num_embeddings),
                        *_three(numbers[index]),
                    ),
                    second,
                )
            else:
                purity = ops.max(log_probs, axis=-1) + gumbel(second)
                masked = corrupted == self.mask_index
                order = ops.where(masked, -purity, np.inf)
                revealed = lowest(order, plan[:, index])
                earlier = ops.where(revealed, drawn, corrupted)
            return ops.where(known, codes, earlier)

        start = ops.where(known, codes, self.mask_index)
        return ops.fori_loop(0, num_steps, step, start)


def _three(numbers):
    """`Kept` before, after and in a step; see `Corruption.steps`."""
    return tuple(Kept(*(numbers[i + j] for j in range(3))) for i in (1, 4, 7))
