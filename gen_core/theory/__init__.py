"""The little music theory that the rooms share; so far keys and scales."""
