"""The CWGAN that several experiments share."""

import numpy as np

from tinygzsl.reproduce.ground import Ground


def test_a_snapshots_proxies_have_the_latent_of_the_settings(tiny_dataset, small_model):
    training = tiny_dataset().training()
    params = small_model(gan_latent=5, cs_low=1e-6, gan_max_epochs=2).get_params()
    ground = Ground(params, training)
    (snapshot,) = ground.source().snapshots
    model = small_model(gan_latent=5, cs_low=1e-6, gan_max_epochs=2)
    model.fit(training.X, training.y, training.prototypes)
    found = ground.proxies(snapshot, 20)
    np.testing.assert_array_equal(found, model.sample_proxies(20, 0))
