"""Training processes that are killed, and what must hold of the folder they leave."""
