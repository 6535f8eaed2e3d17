"""What a network costs: `profile` counts parameters, multiply-adds, activations and receptive fields."""

from utils.cost import units
from utils.cost.table import Table, field_text, profile, shape_text

__all__ = ["Table", "field_text", "profile", "shape_text", "units"]
