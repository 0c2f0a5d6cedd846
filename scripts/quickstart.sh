#!/usr/bin/env bash
# The main job on the built-in data: train, draw, export. Run it by
# `make quickstart`; run again, it continues or shows what is there.
set -euo pipefail
keras_vq="${1:?usage: quickstart.sh FOLDER_OF_KERAS_VQ}/keras-vq"
run=runs/quickstart
# The data goes where the run goes, out of the user's home.
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
