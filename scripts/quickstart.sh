#!/usr/bin/env bash
# The main workflow on the built-in data: train, reconstruct, export. Run it with
# `make quickstart`; if run again, it resumes or shows the existing results.
set -euo pipefail
keras_vq="${1:?usage: quickstart.sh FOLDER_OF_KERAS_VQ}/keras-vq"
run=runs/quickstart
# Keep the data next to the run, not in the user's home.
export TFDS_DATA_DIR="${TFDS_DATA_DIR:-runs/data}"

if [ -e $run ]; then
    "$keras_vq" train --resume $run
else
    "$keras_vq" train vqvae_scenes --quick --out $run
fi
"$keras_vq" reconstruct $run
[ -e $run/served ] || "$keras_vq" export $run $run/served

cat <<END

Done. Look at
  pictures    $run/reconstruction.png, $run/reconstructions/, $run/codebook/
  model       $run/model.keras        (keras.models.load_model)
  SavedModel  $run/served/            (signatures serve, encode, decode)
END
