from keras_vq import data
from keras_vq import models
from keras_vq.cli.run import Run
from keras_vq.data.tokenize import provenance_of


def tokenize_data(path, out, dataset, splits, labels):
    """Write the codes of a run's data; see `keras-vq tokenize`."""
    run = Run(path)
    tokenizer = run.load_first_stage()
    if not isinstance(tokenizer, models.Tokenizer):
        raise ValueError(
            f"A {type(tokenizer).__name__} has no codes to write. Take the run "
            "of a tokenizer, a VQ-VAE, say."
        )
    recipe = run.recipe.data
    data.tokenize(
        tokenizer,
        dataset or recipe.name,
        out,
        splits,
        labels=labels,
        binarize=recipe.binarize,
        feature=recipe.feature,
    )
    maps = provenance_of(out)["maps"]
    codes = " and ".join(
        f"{' x '.join(map(str, shape))} of {k}" for shape, k in maps
    )
    print(f"Wrote {out}: codes {codes} of the splits {', '.join(splits)}.")
