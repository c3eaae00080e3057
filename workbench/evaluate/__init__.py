"""Error rates: scored trials of a split, metrics with intervals, calibration and thresholds.

Begin with `workbench.evaluate.evaluate`; `metrics` holds EER, min t-DCF and DET, `trials` scores through `edge`.
"""
