"""How the floor says no."""

import attrs


@attrs.frozen(slots=False)
class Refused(Exception):
    """A request was refused; nothing has changed. `code` is one of the venue's, in the v4 words."""

    code: str
    message: str = ""

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
