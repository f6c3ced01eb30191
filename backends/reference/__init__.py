"""The oracle: every primitive as its definition reads, in float64."""
