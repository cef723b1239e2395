"""Pictures, decoded where they can do no harm: in a process of their own, with limits, that is thrown away."""
