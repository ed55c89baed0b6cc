"""The composer's language: events, their context, the sampler that draws them one note at a time."""
