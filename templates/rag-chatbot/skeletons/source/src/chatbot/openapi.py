"""Print the description of the API: python -m PACKAGE.openapi"""

import json

from .app import build
from .settings import Settings


def document() -> str:
    # With defaults only: the description is the same on every machine, whatever its environment says.
    return json.dumps(build(Settings.model_construct()).openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(document(), end="")
