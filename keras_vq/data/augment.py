import tensorflow as tf


def augment(images, size, flip, seed):
    """Randomly crop and flip a batch of images.

    A pure function of `seed`: a resumed run sees the same images as an
    uninterrupted one.

    Args:
        images: tensor `(batch, height, width, channels)`.
        size: `(height, width)` of the crops.
        flip: bool, whether to flip half of the images left to right.
        seed: int tensor `(2,)`.

    Returns:
        tensor `(batch, *size, channels)`.
    """
    batch = tf.shape(images)[0]
    draws = tf.random.stateless_uniform((3, batch), seed)

    def positions(draw, length, window):
        start = tf.cast(draw * float(length - window + 1), tf.int32)
        return start[:, None] + tf.range(window)

    rows = positions(draws[0], images.shape[1], size[0])
    columns = positions(draws[1], images.shape[2], size[1])
    images = tf.gather(images, rows, axis=1, batch_dims=1)
    images = tf.gather(images, columns, axis=2, batch_dims=1)
    if flip:
        is_flipped = draws[2][:, None, None, None] < 0.5
        images = tf.where(is_flipped, images[:, :, ::-1], images)
    return images
