"""Numbers on the command line."""

from __future__ import annotations

import argparse
import math


def finite(text: str) -> float:
    """Turn a word into a number; an argparse type.

    Raises:
        argparse.ArgumentTypeError: it is none, or is infinite or NaN.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"'{text}' is no finite number")
    return number
