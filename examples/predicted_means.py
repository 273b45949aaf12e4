"""A method of one's own beside those of `tinygzsl compare`. In the folder of this file:

tinygzsl compare letters --methods ours,eszsl --method predicted_means:PredictedMeans
"""

import numpy as np


class PredictedMeans:
    """A class is the mean of its samples; that of an unseen class is predicted from its prototype.

    Ridge regression on the seen classes gives the means: with their prototypes A (S, k) and means
    M (S, d), both centred, M is about A W with W = A^T (A A^T + ridge I)^-1 M. The score of a class
    is minus the squared distance between sample and mean.
    """

    title = "predicted means"
    grid = {"ridge": (0.01, 0.1, 1.0, 10.0)}  # noqa: RUF012  # for --tune

    def __init__(self, ridge=1.0):
        self.ridge = ridge

    def fit(self, X, y, seen_prototypes):
        """Train on X (n, d) and y (n,); prototype i is that of np.unique(y)[i]."""
        self.means = np.stack([X[y == c].mean(axis=0) for c in np.unique(y)])
        self.center, self.prototype_center = self.means.mean(axis=0), seen_prototypes.mean(axis=0)
        A = seen_prototypes - self.prototype_center
        scale = np.trace(A @ A.T) / len(A)
        K = A @ A.T + self.ridge * scale * np.eye(len(A))
        self.W = A.T @ np.linalg.solve(K, self.means - self.center)
        return self

    def decision_function(self, X, unseen_prototypes):
        """Return scores (m, S + U): first the seen classes, then the unseen."""
        predicted = self.center + (unseen_prototypes - self.prototype_center) @ self.W
        means = np.concatenate([self.means, predicted])
        return 2 * X @ means.T - (means**2).sum(axis=1) - (X**2).sum(axis=1, keepdims=True)
