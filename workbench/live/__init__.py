"""Operating points for live calls.

`calls` joins clips to calls and traces the model's raw scores over them, `points` chooses and measures how they are
decided, `text` prints it. Begin with `calibrate`, which `workbench calibrate` calls.
"""
