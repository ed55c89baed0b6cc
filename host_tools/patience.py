"""How long to wait for an answer before asking again, where asking again changes nothing."""


def waits(timeout_s: float, attempts: int) -> list[float]:
    """Seconds of each attempt, together as long as `attempts` of `timeout_s`.

    Of several the first is cut in four, so that what a bad line has lost is soon asked for again. A half second is
    enough for 2 KiB at 115200 baud; a late answer is as good as one in time, for it is asked for in the same words.
    """
    if attempts == 1:
        return [timeout_s]
    return [timeout_s / 4] * 4 + [timeout_s] * (attempts - 1)
