import pathlib

import numpy as np

from tests.golden import results


def test_every_backend_computes_the_committed_numbers():
    committed = np.load(pathlib.Path(__file__).with_name("golden.npz"))
    found = results()
    assert set(found) == set(committed)
    for name, value in found.items():
        np.testing.assert_allclose(
            value, committed[name], rtol=1e-4, atol=1e-5, err_msg=name
        )
