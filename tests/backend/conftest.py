import keras

if keras.config.backend() != "torch":
    collect_ignore = ["torch_state_test.py"]
