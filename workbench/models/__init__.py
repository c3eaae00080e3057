"""The networks, and the layers that they are made of.

Begin with `workbench.models.network`.
"""
