"""The paper's tables and figures, measured on the user's data; see targets.TARGETS."""
