"""How commands print their results: values a line each, or JSON."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from typing import Any


def print_json(values: Any) -> None:
    """Print plain values as one line of JSON."""
    print(json.dumps(values, ensure_ascii=False), flush=True)


def print_values(args: Namespace, values: dict[str, Any]) -> None:
    """Print the values that a command returns, one a line, or as JSON with ``--json``."""
    if os.environ.get("RANK", "0") != "0":  # under torchrun only the first process prints
        return
    if args.json:
        return print_json(values)
    width = max(map(len, values))
    for name, value in values.items():
        print(f"{name:<{width}}  {value}")
