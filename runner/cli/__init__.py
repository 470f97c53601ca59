"""The command line: argv, the session that joins ports to holders, the flags, the exit status."""
