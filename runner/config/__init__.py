"""Text to model, with positions. Pure."""
