"""Print the installed package's requirements but for those named: an image need not carry what it never imports."""

import re
import sys
from importlib.metadata import requires


def main(left_out: set[str]) -> None:
    for requirement in requires("mediqa-platform") or []:
        name = re.split(r"[\s\[<>=!~;(]", requirement, maxsplit=1)[0].lower()
        if "extra ==" not in requirement and name not in left_out:
            print(requirement)


if __name__ == "__main__":
    main(set(sys.argv[1:]))
