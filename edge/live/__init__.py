"""Live listening: from a source's events to verdicts, alerts, and what an operator watches."""
