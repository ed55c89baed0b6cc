"""Where the composer learns: corpus, features, network, fit, and the figures that judge it."""
