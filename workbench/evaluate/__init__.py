"""Error rates of scored clips.

`trials` scores the clips of a manifest through the runtime that ships, `groups` which of them a line of a report is
about, `evaluate` gives each group its rates with intervals. `metrics` holds EER, AUC, DET and minimum DCF, `tdcf` the
tandem cost, `reliability` calibration, `bootstrap` the intervals; `comparison` compares two models, `durations` lengths
of speech. Begin with `evaluate`.
"""
