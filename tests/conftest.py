"""What holds for all tests: no test passes or fails by the clock."""

from hypothesis import settings

settings.register_profile("pyrun", deadline=None)
settings.load_profile("pyrun")
