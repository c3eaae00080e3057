"""The front end: numbers of `edge.contract` to matrices, in NumPy, and the Keras layer that multiplies by them.

Begin with `workbench.frontend.layer`, which goes into the `.tflite`; `reference` computes the same in NumPy, for tests
and for reports.
"""
