import pathlib

from keras_vq.did_you_mean import did_you_mean
from keras_vq.saving.preset_files import CONFIG
from keras_vq.saving.preset_files import METADATA
from keras_vq.saving.preset_files import WEIGHTS
from keras_vq.saving.published import published

HUGGING_FACE = "hf://"


def find_preset(preset):
    """The folder of a preset, which is downloaded where need be.

    Args:
        preset: A name in the zoo, the path of a folder or `"hf://user/repo"`.

    Returns:
        Path.

    Raises:
        ValueError: If there is no such preset.
        ImportError: If a download needs huggingface_hub and it is missing.
    """
    name = str(preset)
    if name.startswith(HUGGING_FACE):
        return _download(name.removeprefix(HUGGING_FACE))
    known = published(METADATA)
    if name in known:
        return known[name]
    if pathlib.Path(name).is_dir():
        return pathlib.Path(name)
    if name in published("recipe.toml"):
        raise ValueError(
            f"The zoo has the recipe of {name!r}, but not its weights. "
            f"`keras-vq train {name}` makes them."
        )
    raise ValueError(
        f"Unknown preset {name!r}.{did_you_mean(name, known)} The zoo has "
        f"{', '.join(known)}; the path of a preset's folder and "
        "'hf://user/repo' work too."
    )


def _download(repo):
    if len(repo.split("/")) != 2 or not all(repo.split("/")):
        raise ValueError(
            "A preset on Hugging Face is named 'hf://user/repo'. Received: "
            f"'{HUGGING_FACE}{repo}'"
        )
    try:
        import huggingface_hub
    except ImportError as error:
        raise ImportError(
            f"'{HUGGING_FACE}{repo}' is downloaded by huggingface_hub, which "
            "is not installed: pip install 'keras_vq[hub]'"
        ) from error
    try:
        paths = [
            huggingface_hub.hf_hub_download(repo, name)
            for name in (CONFIG, METADATA, WEIGHTS)
        ]
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"Cannot get the preset '{HUGGING_FACE}{repo}': {reason}"
        ) from error
    return pathlib.Path(paths[0]).parent
