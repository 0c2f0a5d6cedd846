"""Shards of codes, encoded by the workers of an Apache Beam pipeline."""

import dataclasses
import functools
import threading
from typing import Any

import apache_beam as beam
from apache_beam.ml.inference.base import KeyedModelHandler
from apache_beam.ml.inference.base import ModelHandler
from apache_beam.ml.inference.base import RunInference
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import create_runner

from keras_vq.data.code_shards import write_shard
from keras_vq.saving.files import written_whole
from keras_vq.saving.model_file import load_model_file

# What Beam calls its runners. Its default on one machine, `DirectRunner`, may
# download another program.
_RUNNERS = {
    "direct": "FnApiRunner",
    "dask": "apache_beam.runners.dask.dask_runner.DaskRunner",
    "flink": "FlinkRunner",
    "spark": "SparkRunner",
    "dataflow": "DataflowRunner",
}
# Seconds between looks for new shards.
_INTERVAL = 0.5


@dataclasses.dataclass
class Tokenizers:
    """The tokenizer of a worker, and that of the condition."""

    tokenizer: Any
    of_condition: Any = None


class CodeHandler(ModelHandler):
    """Encodes the examples of shards; a worker loads the tokenizers once.

    Args:
        paths: list of str, `.keras` files of a tokenizer and, if codes have a
            condition, of its tokenizer.
    """

    def __init__(self, paths):
        self.paths = paths

    def load_model(self):
        return Tokenizers(*(load_model_file(path) for path in self.paths))

    def run_inference(self, batch, model, inference_args=None):
        return [
            (
                examples.encoded(model.tokenizer, model.of_condition),
                examples.without_inputs(),
            )
            for examples in batch
        ]


def encode_with_beam(
    runner,
    options,
    source,
    shards,
    begun,
    file_format,
    tokenizers,
    progress,
):
    """Encode and write shards in a pipeline.

    Args:
        runner: str, as for `keras_vq.data.tokenize`.
        options: list of str, such as `"direct_num_workers=2"`.
        source: `Source`.
        shards: list of `Shard`.
        begun: Path, folder of the records, with a folder `codes` of files.
        file_format: str.
        tokenizers: tuple of the tokenizer and that of the condition, or None.
        progress: function of the number of examples of a finished shard.

    Raises:
        RuntimeError: If the pipeline fails.
    """
    paths = []
    for i, tokenizer in enumerate(each for each in tokenizers if each):
        paths.append(str(begun.absolute() / f"tokenizer_{i}.keras"))
        with written_whole(paths[-1]) as temporary:
            tokenizer.save(temporary)
    # A shard is many batches: there is no need to gather more of them, and
    # Beam's Dask runner loses what is not full at the end.
    handler = CodeHandler(paths)
    flags = [f"--{option}" for option in options]
    if runner == "dask" and "partition" not in " ".join(options):
        flags.append("--dask_partition_size=1")  # else one worker gets all
    write = functools.partial(_write, begun.absolute(), file_format)
    pipeline = beam.Pipeline(
        create_runner(_RUNNERS[runner]),
        PipelineOptions(flags),
    )
    # Nothing is regrouped after `Reshuffle`: a worker reads, encodes and writes
    # one shard after the other.
    (
        pipeline
        | beam.Create(shards)
        | beam.Reshuffle()
        | beam.Map(functools.partial(_read, source))
        | RunInference(KeyedModelHandler(handler).with_no_batching())
        | beam.MapTuple(write)
    )
    with _Watch(begun, shards, progress):
        try:
            pipeline.run().wait_until_finish()
        except Exception as error:  # runners raise what they like
            raise RuntimeError(
                f"The pipeline of the runner {runner!r} failed. What is done "
                f"so far stays in {begun}; the same call goes on from there. "
                f"{error}"
            ) from error


def _read(source, shard):
    return [(shard, source.read(shard))]


def _write(begun, file_format, shard, encoded):
    maps, examples = encoded
    write_shard(begun / "codes", begun, shard, file_format, maps, examples)


class _Watch:
    """Context in which a thread reports the shards that workers finish."""

    def __init__(self, folder, shards, progress):
        self.folder, self.left, self.progress = folder, set(shards), progress
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *error):
        self.done.set()
        self.thread.join()

    def _watch(self):
        while not self.done.wait(_INTERVAL):
            self._report()
        self._report()

    def _report(self):
        for shard in sorted(self.left, key=lambda s: (s.split, s.number)):
            if (self.folder / shard.record_name).is_file():
                self.left.discard(shard)
                self.progress(shard.stop - shard.start)
