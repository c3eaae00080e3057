"""A model that may decide on live calls, for the tools that run `edge listen`; the shipped one's judgement is not asked."""

from __future__ import annotations

from dataclasses import replace

from edge.catalog import default_model
from edge.contract import OperatingPoint, embed_contract, read_contract

# Nothing lies below: it never alarms.
POINT = OperatingPoint("balanced", 4.0, -1e9, 0.0, 1.0, 1.0, 60.0)


def write_live_model(path):
    """Write the shipped model with an operating point of its own; return its path as an option takes it."""
    shipped = default_model()
    contract = replace(read_contract(shipped), operating_points=(POINT,))
    path.write_bytes(embed_contract(shipped.read_bytes(), contract))
    return str(path)
