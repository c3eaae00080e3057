"""From a trained network to a `.tflite`: fold, int8, export, thresholds, and the gate that compares the two.

Begin with `workbench.deploy.quantize`, which calls the others in this order. `int8` turns weights and activations into
int8; `thresholds` sets calibration and thresholds from dev; `gate` scores both sides of the comparison.
"""
