from hypothesis import settings

settings.register_profile("actors", max_examples=50, deadline=None)
settings.load_profile("actors")
