"""The ways an alert can take, one a module; a channel's optional package is imported when it is built."""
