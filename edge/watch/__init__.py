"""Watch folders: score each recording once it is complete, remember what was done, alert."""
