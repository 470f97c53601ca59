"""What a file says, as frozen values. Pure."""
