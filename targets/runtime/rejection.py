"""A refusal on its way to the wire: which table of codes it quotes, and which code."""

from gen_core.spec.errors import RefusedError


class Rejection(RefusedError):
    """Raised while a request is handled. `group` None quotes the general table of SMP, else that group's own."""

    def __init__(self, code: int, cause: str, group: int | None = None) -> None:
        super().__init__(cause)
        self.code = int(code)
        self.group = group
