from keras_vq.cli.run import Run
from keras_vq.export import export_model


def export_run(path, directory, format, options):
    """Export a run's model; see `keras-vq export`."""
    export_model(Run(path).load_model(), directory, format, **options)
    if "version" in options:
        directory = directory / str(options["version"])
    parts = (x for x in directory.rglob("*") if x.is_file())
    size = sum(x.stat().st_size for x in parts)
    print(f"Wrote {directory}, {size / 2**20:.1f} MiB.")
    if format == "tf_saved_model":
        document = directory / "assets.extra" / "signatures.json"
        print(f"What its signatures take and give: {document}")
