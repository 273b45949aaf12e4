"""The paper's tables and figures from the user's data; see targets.TARGETS."""
