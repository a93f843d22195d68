"""Where suffice keeps what belongs to the user rather than to one run: the look account and the key."""

import os
from pathlib import Path

VARIABLE = "SUFFICE_HOME"


def home() -> Path:
    """Returns the folder named by SUFFICE_HOME, else the platform's folder for user data (XDG)."""
    if named := os.environ.get(VARIABLE):
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "suffice"
