"""Events and errors to a terminal, a pipe or a machine. Knows no executor."""
