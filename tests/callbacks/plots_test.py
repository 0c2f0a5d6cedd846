from keras_vq.callbacks.plots import training_curves


def test_curves_have_a_panel_for_each_name_with_its_validation():
    history = {"loss": [3.0, 1.0], "usage": [0.5, 1.0], "val_loss": [2.0, 4.0]}
    loss, usage = training_curves(history).axes
    assert [loss.get_title(), usage.get_title()] == ["loss", "usage"]
    lines = {line.get_label(): line.get_xydata() for line in loss.lines}
    assert lines["training"].tolist() == [[1, 3], [2, 1]]
    assert lines["validation"].tolist() == [[1, 2], [2, 4]]
    assert len(usage.lines) == 1
