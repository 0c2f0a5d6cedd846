from keras_vq import data
from keras_vq import zoo


def test_codes_of_several_maps_come_as_tuples(scenes_dir):
    tokenizer = zoo.vqvae2((32, 32, 3), num_embeddings=8, hidden_dim=8)
    options = {"split": "test[:40]", "batch_size": 25, "data_dir": scenes_dir}
    batches = list(data.load_codes(tokenizer, "scenes", **options))
    ((top, bottom),) = batches[0]
    assert (top.shape, bottom.shape) == ((25, 4, 4), (25, 8, 8))
    assert len(batches) == 2
    (top, bottom), labels = next(
        iter(data.load_codes(tokenizer, "scenes", labels=True, **options))
    )
    assert (top.shape, labels.shape) == ((25, 4, 4), (25,))
