"""A small model, fitted on the tiny data."""

import numpy as np
import pytest


@pytest.fixture
def data(tiny_dataset):
    return tiny_dataset()


@pytest.fixture
def fit(data, small_model):
    """fit(...) -> a small model with these parameters, fitted on the tiny data."""

    def fit(proxies=None, y=data.y_train, **params):
        model = small_model(**{"router_delta_low": 0.3, "router_delta_high": 0.8, **params})
        return model.fit(data.X_train, y, data.seen_prototypes, proxies=proxies)

    return fit


@pytest.fixture
def model(fit):
    return fit()


@pytest.fixture
def unseen(data):
    return data.unseen_prototypes, data.unseen_classes


@pytest.fixture
def outputs():
    """outputs(model, X, unseen) -> everything that the model says about X."""
    return _outputs


@pytest.fixture
def all_equal():
    """all_equal(left, right) -> whether two lists of arrays hold the same values."""
    return _all_equal


def _outputs(model, X, unseen):
    result = model.route(X, *unseen)
    return [*result, model.predict(X), model.predict_proba(X), model.compatibility(X, unseen[0])]


def _all_equal(left, right):
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))
