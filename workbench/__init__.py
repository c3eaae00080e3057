"""The training workbench: from recordings to a trained, quantised detector."""
