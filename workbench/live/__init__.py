"""Operating points for live calls: calls made of clips, traces of scores over them, and what bounds cost.

Begin with `workbench.live.calibrate`, which `workbench calibrate` calls.
"""
