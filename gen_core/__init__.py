"""What the music is. Imports nothing of ours."""

import os

__version__ = "0.1.0"

# From 1.29 on onnxruntime reports to its maker what it runs, by default: to a database in the user's cache and over
# the network, with a thread and 3 MB of its own. Nobody who plays music has been asked. It looks here once, when it is
# imported, and whatever of ours imports it has imported this first.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
