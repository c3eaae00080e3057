"""From a trained network to a `.tflite`: fold, quantise, export, and the gate that compares it with the original.

Begin with `workbench.deploy.quantize`.
"""
