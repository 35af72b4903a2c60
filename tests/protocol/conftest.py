from hypothesis import settings

settings.register_profile("protocol", max_examples=50, deadline=None)
settings.load_profile("protocol")
