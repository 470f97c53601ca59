"""Model and arguments to actions, their graph and order, and what is out of date. Pure."""
