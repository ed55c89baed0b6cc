"""What is raised for bytes that are no message: noise on the line, or a sender that speaks something else."""

from gen_core.spec.errors import VerificationError


class DamagedError(VerificationError):
    """These bytes are not what they should be. Expected on a noisy line: whoever reads the line drops them."""

    def __init__(self, cause: str, next_step: str = "send it again") -> None:
        super().__init__(cause, next_step)
