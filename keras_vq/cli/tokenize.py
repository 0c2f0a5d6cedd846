from pathlib import Path
from typing import Annotated
from typing import Optional

import typer

from keras_vq.cli.options import DataDir
from keras_vq.cli.options import RunDir


def tokenize(
    run: RunDir,
    directory: Annotated[Path, typer.Argument(help="Folder to create.")],
    dataset: Annotated[
        Optional[str],
        typer.Option(help="Replaces the run's data.", metavar="NAME|FOLDER"),
    ] = None,
    split: Annotated[
        Optional[list[str]],
        typer.Option(
            help="Split to encode. Repeatable.",
            show_default="train and test",
            metavar="NAME",
        ),
    ] = None,
    labels: Annotated[bool, typer.Option(help="Write labels too.")] = True,
    skip_broken: Annotated[
        bool,
        typer.Option(
            help="Leave out examples that cannot be read, and list them."
        ),
    ] = False,
    shard_size: Annotated[
        int, typer.Option(help="Examples of a file.", min=1)
    ] = 1000,
    file_format: Annotated[
        str, typer.Option(help="tfrecord, or array_record for Grain.")
    ] = "tfrecord",
    runner: Annotated[
        Optional[str],
        typer.Option(
            help="Apache Beam's: direct, dask, flink, spark or dataflow.",
            show_default="this process",
        ),
    ] = None,
    runner_option: Annotated[
        Optional[list[str]],
        typer.Option(
            help="Option of the runner, such as direct_num_workers=2. "
            "Repeatable.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Encode a data set and write the codes to a folder, to train priors.

    Example: keras-vq tokenize runs/vqvae_mnist mnist_codes
    """
    from keras_vq import data
    from keras_vq import models
    from keras_vq import recipes
    from keras_vq.data.tokenize import provenance_of

    source = recipes.Run(run)
    tokenizer = source.first_stage
    if not isinstance(tokenizer, models.Tokenizer):
        raise ValueError(
            f"{run} is the run of a {type(tokenizer).__name__}, which has no "
            "codes. Give the run of a tokenizer, such as a VQ-VAE."
        )
    splits = split or ["train", "test"]
    options = source.recipe.data
    data.tokenize(
        tokenizer,
        dataset or options.name,
        directory,
        splits,
        labels=labels,
        skip_broken=skip_broken,
        shard_size=shard_size,
        file_format=file_format,
        runner=runner,
        runner_options=runner_option or (),
        **options.encoding_arguments(tokenizer),
    )
    codes = " and ".join(
        f"{' x '.join(map(str, shape))} of {k}"
        for shape, k in provenance_of(directory)["maps"]
    )
    print(
        f"Wrote {directory}: codes {codes} of the splits {', '.join(splits)}."
    )
