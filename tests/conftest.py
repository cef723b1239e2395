"""What holds for every test: how fast an example runs is a matter for benchmarks, and fails nobody."""

from hypothesis import settings

settings.register_profile("letterlock", deadline=None)
settings.load_profile("letterlock")
