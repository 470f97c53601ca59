"""OCI documents and layers: bytes in, bytes out. Pure."""
