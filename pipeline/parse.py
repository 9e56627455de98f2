"""JSON from strangers: whatever is wrong with it is one ValueError of one line."""

import json
from typing import Any


def parse_json(text: str) -> Any:
    """What ``text`` holds. Raises ValueError, also for lists too deep, numbers too long and halves of characters."""
    try:
        found = json.loads(text)
        if "\\u" in text:
            json.dumps(found, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])
        raise ValueError(f"{half} is half of a character, without its other half") from None
    return found
