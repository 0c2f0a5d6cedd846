"""Moving MNIST: pairs of digits that bounce in a square.

Srivastava et al., Unsupervised Learning of Video Representations using LSTMs,
2015, section 4.1.
"""

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

NAME = "moving_mnist"
DIGIT_SIZE = 28
# Of the distance that a digit can move, in a frame.
_VELOCITY = 0.1


def partners(count):
    """For each digit, the index of the one that it shares a clip with."""
    return np.random.default_rng(0).permutation(count)


def clips_of(images, others, seeds, num_frames, size):
    """Let pairs of digits move.

    Args:
        images: uint8 tensor `(batch, height, width, 1)`, digits.
        others: uint8 tensor of that shape, the other digit of each clip.
        seeds: int32 tensor `(batch, 2)`; a seed determines the paths.
        num_frames: int.
        size: `(height, width)` of the frames.

    Returns:
        uint8 tensor `(batch, num_frames, *size, 1)`.
    """

    def moving(digit, seed):
        start = tf.random.stateless_uniform((2,), seed)
        angle = tf.random.stateless_uniform((), seed + 1, maxval=2 * np.pi)
        return tfds.video.moving_sequence.image_as_moving_sequence(
            digit,
            sequence_length=num_frames,
            output_size=size,
            velocity=_VELOCITY * tf.stack([tf.cos(angle), tf.sin(angle)]),
            start_position=start,
        ).image_sequence

    def clip(pair):
        first, second, seed = pair
        return tf.maximum(moving(first, seed), moving(second, seed + 2))

    clips = tf.map_fn(
        clip,
        (images, others, seeds),
        fn_output_signature=tf.uint8,
        parallel_iterations=8,
    )
    return tf.ensure_shape(clips, (None, num_frames, *size, 1))
