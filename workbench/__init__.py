"""The training workbench: from recordings to a trained, quantised detector.

The rooms follow the pipeline: `data`, `transmissions`, `frontend`, `models`, `train`, `deploy`, `evaluate`, `report`,
`live`; beside it `tune` searches configurations and `synth` makes spoof clips. Begin with `workbench.cli.main`.
"""
