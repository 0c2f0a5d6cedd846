from keras import ops

from keras_vq import backend


def draw_codes(next_logits, state, codes, known, noise, sampler):
    """The loop that draws codes one after the other, in one graph.

    Args:
        next_logits: A function `next_logits(position, codes, state) ->
            (logits, state)`, logits `(batch, num_embeddings)` of the code at
            a position (int scalar), from the codes before it and what the
            function keeps in `state`.
        state: Nested structure of tensors, as it is before the first position.
        codes: int32 tensor `(batch, length)`, the codes that are known; it may
            be changed.
        known: bool tensor `(batch, length)`, which ones that are.
        noise: float32 tensor `(batch, length)`, uniform in [0, 1), one number
            for each draw.
        sampler: A `keras_vq.samplers.Sampler`.

    Returns:
        int32 tensor `(batch, length)`.
    """

    def step(position, carry):
        codes, state = carry
        logits, state = next_logits(position, codes, state)
        code = ops.where(
            known[:, position],
            codes[:, position],
            sampler(logits, noise[:, position]),
        )
        return backend.write(codes, position, code), state

    return ops.fori_loop(0, codes.shape[1], step, (codes, state))[0]
