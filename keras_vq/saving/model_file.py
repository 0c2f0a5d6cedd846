import keras


def load_model_file(path, **kwargs):
    """The model in a `.keras` file.

    Args:
        path: str or Path.
        **kwargs: See `keras.models.load_model`.

    Raises:
        ValueError: If the file is damaged, or needs classes that are not
            registered.
    """
    try:
        return keras.models.load_model(path, **kwargs)
    except Exception as error:  # a damaged file can raise any
        first = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"Cannot load {path}: it is damaged or not a .keras file of "
            f"keras_vq ({type(error).__name__}: {first})."
        ) from error
