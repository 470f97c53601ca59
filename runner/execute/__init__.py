"""Actions carried out through ports: the loop, the host executor, the image builder."""
