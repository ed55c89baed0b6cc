"""How a network is trained: how long, how fast, on what. Kept in the metadata of the weights."""

from dataclasses import dataclass

SOURCE_SHARES = {  # of what the network hears: game music and drums 0.31, though they are a twelfth of the notes
    "freedoom_music": 0.14, "helland_free_music": 0.05, "groove_drums": 0.12, "openscore_lieder": 0.17, "mutopia": 0.17,
    "openscore_quartets": 0.13, "openscore_orchestra": 0.10, "jsb_chorales": 0.04, "pd_songs": 0.03, "pd_carols": 0.025,
    "open_hymnal": 0.025,
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """How long, how fast, how wide."""

    steps: int = 6500
    batch: int = 32  # lines read side by side
    length: int = 192  # events between two updates
    rate: float = 3e-3  # of AdamW
    warmup: int = 150
    decay: float = 0.35  # the last part of the steps, over which the rate falls to nothing
    weight_decay: float = 0.02  # of matrices
    seed: int = 1
    bfloat16: bool = False  # matrix products in bfloat16: 1.3 to 1.5 times as fast where the processor has them
    patience: int = 10  # validations without a gain after which a run ends early
    valid_lines: int = 32
    valid_length: int = 1024
    valid_every: int = 250
    save_every: int = 100

    def rate_at(self, step: int) -> float:
        """Warm-up, plateau, then a fall of the shape 1 - sqrt, which leaves the length of the plateau open."""
        begin = self.steps * (1 - self.decay)
        fall = 1.0 if step < begin else 1 - ((step - begin) / (self.steps - begin)) ** 0.5
        return self.rate * min(1.0, (step + 1) / self.warmup) * fall
