import numpy as np
from keras import ops
from keras import random

from keras_vq import samplers
from keras_vq import schedules
from keras_vq.checks import check_int
from keras_vq.checks import check_known
from keras_vq.checks import check_memory
from keras_vq.checks import check_type
from keras_vq.checks import title
from keras_vq.networks import Conditioning
from keras_vq.networks import LatentDenoiser
from keras_vq.ops.gaussian import standard_normal
from keras_vq.ops.masked_mean import masked_mean
from keras_vq.priors.parallel import guided
from keras_vq.priors.prior import Prior
from keras_vq.saving.config import serializable
from keras_vq.schedules.solvers import evaluation_of
from keras_vq.training.batches import in_batches
from keras_vq.training.batches import to_array


@serializable
class LatentDiffusion(Prior):
    """Diffusion on continuous latents, before any quantization.

    Training adds noise to latents, `x_t = signal(t) * x_0 + noise(t) *
    epsilon`, and the network learns to predict the noise, or another mix of
    noise and latents:

    ```
    loss = E |network(x_t, t) - (p * epsilon + q * x_0)|^2
    ```

    Sampling starts with noise, and a solver goes back to latents in a few
    steps. Train on `encode_latents` of a first stage whose latents have
    variance 1; see `FirstStage.adapt_latent_scale`.

    Args:
        network: A `keras_vq.networks.LatentDenoiser`: `DiffusionTransformer`
            or `UNet`.
        schedule: `keras_vq.schedules.Noising`. None for `RectifiedFlow()`.
            Defaults to None.
        prediction: `"epsilon"`, `"v"` or `"flow"`; see
            `Noising.target_weights`. None for `"flow"` with a flow and
            `"epsilon"` with betas. Defaults to None.
        solver: `"euler"` or `"heun"` for flows, `"ddpm"`, `"ddim"` or
            `"dpm_solver"` for betas, or a `keras_vq.schedules.Solver`. None
            for `"euler"` or `"ddim"`. Defaults to None.
        num_steps: int or None, steps of sampling; None for 28 with a flow and
            50 with betas. Defaults to None.
        label_dropout: float in [0, 1), share of training examples whose label
            is replaced by "no label", for classifier-free guidance. Defaults to
            0.0.
        guidance_scale: float or None, classifier-free guidance of sampling
            where none is given; needs `label_dropout`. Defaults to None.
        seed: int or None, seed of noise and dropout. Defaults to None.
        tokenizer_fingerprint: str or None, the `latent_fingerprint()` of the
            first stage; see `Prior`. Defaults to None.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Call arguments:
        inputs: float tensor `(batch, *latent_shape)`, noisy latents; with a
            condition the pair `(latents, condition)`; with `num_classes` a
            pair of that and an int tensor `(batch,)`, labels.
        training: bool. Defaults to False.

    Returns:
        float32 tensor `(batch, *latent_shape)`, the network's prediction at
        the time 1, where inputs are noise.

    Raises:
        ValueError: If an argument is out of range, or schedule, prediction and
            solver do not match.

    Example:

    >>> network = keras_vq.networks.DiffusionTransformer(
    ...     (4, 4, 8), num_classes=10, num_layers=2, hidden_dim=32)
    >>> prior = keras_vq.priors.LatentDiffusion(network, num_steps=4)
    >>> prior.compile("adam")
    >>> latents = np.random.normal(size=(8, 4, 4, 8))
    >>> history = prior.fit(latents, np.arange(8), verbose=0)
    >>> prior.generate(2, labels=[3, 7], seed=0, solver="heun").shape
    (2, 4, 4, 8)

    References:
        Rombach et al., High-Resolution Image Synthesis with Latent Diffusion
        Models, 2022, section 3.2.
    """

    is_continuous = True
    num_embeddings = None

    def __init__(
        self,
        network,
        schedule=None,
        prediction=None,
        solver=None,
        num_steps=None,
        label_dropout=0.0,
        guidance_scale=None,
        seed=None,
        tokenizer_fingerprint=None,
        **kwargs,
    ):
        check_type(
            "network",
            network,
            LatentDenoiser,
            "a keras_vq.networks.LatentDenoiser",
        )
        schedule = schedule or schedules.RectifiedFlow()
        check_type(
            "schedule",
            schedule,
            schedules.Noising,
            "a noise schedule of keras_vq.schedules, such as RectifiedFlow",
        )
        super().__init__(label_dropout, seed, tokenizer_fingerprint, **kwargs)
        self.check_guidance(guidance_scale)
        self.guidance_scale = guidance_scale
        self.network = network
        self.schedule = schedule
        self.prediction = prediction or schedule.default_prediction
        schedule.check_prediction(self.prediction)
        self.solver = schedules.get_solver(
            solver or schedule.default_solver, schedule
        )
        if num_steps is None:
            num_steps = min(
                schedule.default_num_steps, schedule.num_steps or np.inf
            )
        self.num_steps = check_int(
            "num_steps", num_steps, 1, schedule.num_steps
        )
        self.condition_shape = network.condition_shape
        self.describe(network.latent_shape, None, network.num_classes)
        self.track("loss")

    @property
    def drops_condition(self):
        return self.condition_shape is not None

    @property
    def num_draws(self):
        table = self.table(self.solver, self.num_steps)
        return self.num_codes * _draws(self.solver, table)

    def table(self, solver, num_steps):
        """The numbers of each step; see `keras_vq.schedules.Solver.table`."""
        return solver.table(self.schedule, self.prediction, num_steps)

    def call(self, inputs, training=False):
        latents, conditioning = self.split(inputs)
        return self.network(
            latents,
            conditioning,
            ops.ones(ops.shape(latents)[:1]),
            training=training,
        )

    # === Training ===

    def losses_of(self, x, labels, training):
        latents, conditioning = self.with_condition(x, labels)
        if training:
            conditioning = self.drop_labels(conditioning)
        # Evaluation uses the same times and noise each time.
        seed = self.seed_generator
        times = random.uniform(
            ops.shape(latents)[:1], seed=seed if training else 0
        )
        epsilon = random.normal(
            ops.shape(latents), seed=seed if training else 1
        )
        time = self.schedule.time_of(times)
        per_example = (-1, *[1] * len(self.code_shape))
        signal, noise = (
            ops.reshape(rate, per_example) for rate in self.schedule.rates(time)
        )
        p, q = self.schedule.target_weights(self.prediction, signal, noise)
        predicted = self.network(
            signal * latents + noise * epsilon,
            conditioning,
            time,
            training=training,
        )
        error = ops.square(predicted - (p * epsilon + q * latents))
        return {"loss": masked_mean(error)}

    def log_prob(self, *args, **kwargs):
        """Raise: a LatentDiffusion has no tractable likelihood."""
        raise NotImplementedError(
            "LatentDiffusion computes no likelihood: its loss is no bound. "
            "Compare samples, or use a prior of codes, such as "
            "keras_vq.zoo.vq_diffusion."
        )

    # === Sampling ===

    def generate(
        self,
        num_samples,
        labels=None,
        condition=None,
        seed=None,
        batch_size=64,
        guidance_scale=None,
        solver=None,
        num_steps=None,
    ):
        """Sample latents in a compiled loop.

        Args:
            num_samples: int >= 1, number of examples.
            labels: int array `(num_samples,)` or int, for a prior with
                `num_classes`. Defaults to None.
            condition: array `(num_samples, *condition_shape)`, for a prior with
                a condition. Defaults to None.
            seed: int or None; one seed gives the same noise on every backend.
                Defaults to None.
            batch_size: int, examples sampled together. Defaults to 64.
            guidance_scale: float or None, classifier-free guidance: 0 ignores
                the labels, 1 is the conditional model, larger values strengthen
                the labels. Defaults to None, the model's.
            solver, num_steps: Instead of the model's. Default to None.

        Returns:
            NumPy float32 array `(num_samples, *latent_shape)`.

        Raises:
            ValueError: If an argument does not fit.
        """
        check_int("num_samples", num_samples)
        shape = (num_samples, *self.code_shape)
        check_memory(f"num_samples={num_samples}", *shape)
        return self.complete(
            np.zeros(shape, "float32"),
            np.zeros(shape, bool),
            labels,
            condition,
            seed,
            batch_size,
            guidance_scale,
            solver,
            num_steps,
        )

    def complete(
        self,
        codes,
        known,
        labels=None,
        condition=None,
        seed=None,
        batch_size=64,
        guidance_scale=None,
        solver=None,
        num_steps=None,
    ):
        """Keep the known latents and sample the others, given all known ones.

        Each step replaces the known ones by what they are with noise.

        Args:
            codes: float array `(n, *latent_shape)`, latents.
            known: bool array `(n, *latent_shape)`, True for values to keep.
            labels, condition, seed, batch_size, guidance_scale, solver,
                num_steps: See `generate`.

        Returns:
            NumPy float32 array `(n, *latent_shape)`.

        Raises:
            ValueError: If an argument does not fit.

        References:
            Lugmayr et al., RePaint: Inpainting using Denoising Diffusion
            Probabilistic Models, 2022, section 4.1, without resampling.
        """
        latents, known = to_array(codes), to_array(known)
        self.check_codes(latents)
        check_known(known, latents.shape)
        count = len(latents)
        conditioning = self.conditioning_arrays(labels, condition, count)
        solver = schedules.get_solver(solver or self.solver, self.schedule)
        table = self.table(
            solver, self.num_steps if num_steps is None else num_steps
        )
        noise = samplers.NoiseRows(
            seed, count, self.num_codes * _draws(solver, table)
        )
        if guidance_scale is None:
            guidance_scale = self.guidance_scale
        self.check_guidance(guidance_scale)
        guidance = None
        if guidance_scale is not None:
            guidance = np.full((count, 1), guidance_scale, "float32")

        def step(latents, known, noise, conditioning, guidance):
            return self.draw_step(
                latents, known, noise, conditioning, guidance, table
            )

        key = ("draw", table.tobytes(), guidance is None)
        return in_batches(
            self.jit(step, key, loop=True),
            [
                latents.astype("float32"),
                known,
                noise,
                conditioning,
                guidance,
            ],
            batch_size,
            progress=True,
        )

    def generate_step(self, noise, conditioning=Conditioning()):
        """Sample a batch of latents, for use in a graph.

        Args:
            noise: float32 tensor `(batch, num_draws)`, uniform in [0, 1).
            conditioning: `keras_vq.networks.Conditioning`. Defaults to no
                conditioning.

        Returns:
            float32 tensor `(batch, *latent_shape)`.
        """
        shape = (ops.shape(noise)[0], *self.code_shape)
        guidance = None
        if self.guidance_scale is not None:
            guidance = ops.full((shape[0], 1), self.guidance_scale, "float32")
        return self.draw_step(
            ops.zeros(shape),
            ops.zeros(shape, "bool"),
            noise,
            conditioning,
            guidance,
        )

    def draw_step(
        self, latents, known, noise, conditioning, guidance=None, table=None
    ):
        """Sample a batch of latents in a loop, on tensors.

        Args:
            latents: float32 tensor `(batch, *latent_shape)`.
            known: bool tensor of that shape, True for values to keep.
            noise: float32 tensor `(batch, draws)`, uniform in [0, 1): numbers
                for where sampling starts, and with a random solver for each
                evaluation of the network.
            conditioning: `keras_vq.networks.Conditioning`.
            guidance: float32 tensor `(batch, 1)` or None, the scale of
                classifier-free guidance. Defaults to None.
            table: NumPy array, the steps; see `table`. None for those of the
                model's solver. Defaults to None.

        Returns:
            float32 tensor `(batch, *latent_shape)`.
        """
        if table is None:
            table = self.table(self.solver, self.num_steps)
        draws = noise.shape[1] // self.num_codes
        shape = (-1, draws, *self.code_shape)
        noise = ops.reshape(standard_normal(noise), shape)
        start = noise[:, 0]
        rows = ops.convert_to_tensor(table)
        if guidance is not None:
            conditioning = self.with_unconditional(conditioning)

        def step(index, carry):
            x, previous_x, previous_x0 = carry
            now = evaluation_of(rows[index])
            there = now.signal * latents + now.noise * start
            x = ops.where(known, there, x)
            output = guided(self.network, x, conditioning, guidance, now.time)
            x0 = now.x_weight * x + now.output_weight * output
            update = now.update
            later = update.x * x + update.x0 * x0
            later += update.previous_x * previous_x
            later += update.previous_x0 * previous_x0
            if draws > 1:
                later += update.fresh_noise * noise[:, index + 1]
            return later, x, x0

        x, _, _ = ops.fori_loop(0, len(table), step, (start, start, start))
        return ops.where(known, latents, x)

    # === Checks ===

    def check_codes(self, codes):
        if not np.issubdtype(codes.dtype, np.floating):
            raise ValueError(
                f"{title(self)} is a prior of continuous latents, such as "
                "`encode_latents` returns. Received: dtype="
                f"{codes.dtype}. For codes use keras_vq.zoo.pixelcnn, "
                "transformer, maskgit or vq_diffusion."
            )
        if codes.shape[1:] != self.code_shape:
            raise ValueError(
                f"{title(self)} expects latents of shape "
                f"{(None, *self.code_shape)}. Received: shape={codes.shape}"
            )
        if not np.isfinite(codes).all():
            raise ValueError(
                f"{title(self)} expects finite latents. Received: NaN or "
                "infinity"
            )


def _draws(solver, table):
    """Draws of all latents: for the start, and for each step if random."""
    return 1 + (len(table) if solver.is_random else 0)
