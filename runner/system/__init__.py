"""The only opener of project files and starter of processes; the clock; the environment."""
