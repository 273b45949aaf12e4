"""What models ask of a data frame; pandas need not be installed."""

import numpy as np


class Frame:
    """Values (n, d), the names of the columns and the index: a range is pandas' RangeIndex."""

    def __init__(self, values, columns, index=None):
        self.values, self.columns = np.asarray(values), list(columns)
        self.index = range(len(self.values)) if index is None else index

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)

    def __len__(self):
        return len(self.values)

    def permuted(self, order):
        """The same frame with its columns in another order."""
        return Frame(self.values[:, order], [self.columns[i] for i in order], self.index)

    def renamed(self, **names):
        """The same frame with other names."""
        return Frame(self.values, [names.get(c, c) for c in self.columns], self.index)

    def rows(self, order):
        """The same frame with its rows, and its index, in another order."""
        return Frame(self.values[order], self.columns, np.asarray(self.index)[order])
