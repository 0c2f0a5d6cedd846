"""Draws of the codes of a prior with one map, in compiled batches."""

import numpy as np
from keras import ops

from keras_vq import samplers
from keras_vq.checks import check_known
from keras_vq.training.batches import in_batches
from keras_vq.training.batches import to_array


def draw(
    prior,
    codes,
    known,
    labels,
    condition,
    seed,
    batch_size,
    sampler,
    guidance_scale,
    plan_of=None,
    draws_per_code=1,
    rows_per_example=1,
):
    """Run a prior's `draw_step` over arrays of any length.

    Args:
        prior: A prior that defines `draw_step`.
        codes, known, labels, condition, seed, batch_size, guidance_scale: See
            `Prior.complete`.
        sampler: `keras_vq.samplers.Sampler`, or None for the whole softmax.
        plan_of: Function of the number of codes to sample, an int array
            `(n,)`, that returns the argument `plan` of `draw_step`, arrays
            `(n, ...)`. None for no plan. Defaults to None.
        draws_per_code: int, random numbers per code. Defaults to 1.
        rows_per_example: int, rows of logits that `draw_step` passes to the
            sampler at once for each example. Defaults to 1.

    Returns:
        NumPy int32 array `(n, *code_shape)`.

    Raises:
        ValueError: If an argument does not fit.
    """
    codes, known = to_array(codes), to_array(known)
    prior.check_codes(codes)
    check_known(known, codes.shape)
    conditioning = prior.conditioning_arrays(labels, condition, len(codes))
    known = known.reshape(len(codes), prior.num_codes)
    plan = None if plan_of is None else plan_of(np.sum(~known, axis=1))
    noise = samplers.NoiseRows(
        seed, len(codes), draws_per_code * prior.num_codes
    )
    sampler = sampler or samplers.RandomSampler()
    guidance, numbers = prior.sampling_numbers(
        sampler, guidance_scale, len(codes)
    )

    def step(codes, known, noise, plan, conditioning, guidance, numbers):
        numbers = {
            name: ops.repeat(x, rows_per_example, axis=0)
            for name, x in numbers.items()
        }
        return prior.draw_step(
            codes,
            known,
            noise,
            conditioning,
            sampler.with_numbers(numbers),
            guidance,
            plan,
        )

    key = ("draw", sampler.key(), guidance is None, plan is None)
    drawn = in_batches(
        prior.jit(step, key, loop=True),
        [
            codes.reshape(known.shape).astype("int32"),
            known,
            noise,
            plan,
            conditioning,
            guidance,
            numbers,
        ],
        batch_size,
        progress=True,
    )
    return drawn.reshape(codes.shape)
