"""The mel front end: numbers of `edge.contract.FrontEndSpec` to features, in the `.tflite` and, as a reference, NumPy.

Begin with `workbench.frontend.layer`, the Keras layer that ships. `matrices` makes what it multiplies by: mel filters,
windows, DFT. `speech_activity` decides which frames count as speech. `reference` computes the same in plain NumPy.
"""
