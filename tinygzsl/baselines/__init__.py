"""The systems of the paper's tables: one file a method, all with fit and predict alike."""
