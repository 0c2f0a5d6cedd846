#!/usr/bin/env bash
# Serve an exported model with the official TensorFlow Serving container:
#
#     keras-vq export runs/pixelcnn_mnist served --version 1
#     scripts/tf_serving.sh served mnist
#
# REST is on port 8501, gRPC on 8500; further arguments go to the server. A
# model exported with --jit-compile needs --xla_cpu_compilation_enabled=true.
set -euo pipefail
if [ $# -lt 2 ]; then
    echo "usage: tf_serving.sh FOLDER NAME [SERVER ARGUMENTS]" >&2
    exit 2
fi
folder=$1
name=$2
shift 2
if ! compgen -G "$folder/[0-9]*/saved_model.pb" >/dev/null; then
    echo "Error: $folder has no version of a model in it, such as" \
        "$folder/1/saved_model.pb. Write one by" \
        "keras-vq export RUN $folder --version 1" >&2
    exit 2
fi
exec docker run --rm \
    --publish "${GRPC_PORT:-8500}:8500" --publish "${REST_PORT:-8501}:8501" \
    --mount "type=bind,source=$(realpath "$folder"),target=/models/$name,readonly" \
    --env "MODEL_NAME=$name" \
    "${TF_SERVING_IMAGE:-tensorflow/serving}" "$@"
