import tensorflow_datasets as tfds

from keras_vq.data.tfds_examples import examples_with


def load_texts(name, split="train", feature="caption", data_dir=None):
    """The texts of a data set, in the order of `load(..., shuffle=False)`.

    Args:
        name: `"scenes"`, which has captions, or the name of a TFDS data set.
        split: str; see `keras_vq.data.load`. Defaults to `"train"`.
        feature: str, the feature that holds the texts. Defaults to
            `"caption"`.
        data_dir: str or None; see `keras_vq.data.load`. Defaults to None.

    Returns:
        list of str.

    Raises:
        ValueError: If there is no such split or feature, or it is no text.

    Example:

    >>> captions = keras_vq.data.load_texts("scenes", "test[:5]")
    >>> len(captions), captions[0].split()[0]
    (5, 'a')
    """
    examples, _ = examples_with(
        name, split, None, data_dir, {feature: tfds.features.Text}
    )
    return [
        example[feature].decode() for example in examples.as_numpy_iterator()
    ]
