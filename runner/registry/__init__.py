"""Pull from and push to registries that speak the OCI distribution protocol."""
