"""What is kept on disk: the build log, blobs, OCI layouts and archives."""
