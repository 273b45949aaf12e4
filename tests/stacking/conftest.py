"""Fast methods to put together, and a stack of three of them."""

import pytest
from fast_methods import fast_params, fit, make  # noqa: F401


@pytest.fixture
def data(tiny_dataset):
    """The tiny dataset."""
    return tiny_dataset()


@pytest.fixture
def unseen(data):
    """Prototypes and labels of its unseen classes."""
    return data.unseen_prototypes, data.unseen_classes


@pytest.fixture
def experts(make, small_model):  # noqa: F811
    """Three unfitted experts by name: one has a classifier, one random numbers, one neither."""
    return {
        "VSMM": small_model(vsmm_weight_es=0.0, router_gate="soft", vsmm_epochs=6),
        "ESZSL": make("ESZSL"),
        "DEM": make("DEM", features="standard", steps=40),
    }


@pytest.fixture
def stack(experts, data):
    """stack(**params) -> a StackedGZSL of the three, fitted on the tiny dataset."""
    from tinygzsl.stacking import StackedGZSL

    def fitted(*, checkpoint=None, **params):
        training = data.training()
        model = StackedGZSL(**{"experts": experts, **params})
        return model.fit(training.X, training.y, training.prototypes, checkpoint=checkpoint)

    return fitted


@pytest.fixture
def same_results(data, unseen):
    """same_results(one, other) asserts that two models say the same of the test samples."""
    import numpy as np

    def check(one, other):
        assert one.decision_ == other.decision_
        assert one.held_out_h_ == other.held_out_h_
        for a, b in zip(
            one.route(data.X_test, *unseen), other.route(data.X_test, *unseen), strict=True
        ):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(
            one.predict_proba(data.X_test), other.predict_proba(data.X_test)
        )

    return check
