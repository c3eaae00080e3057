"""Make spoof clips: copies of real recordings through vocoders, and texts read by speech synthesisers."""
