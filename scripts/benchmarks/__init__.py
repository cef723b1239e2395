"""Benchmarks beside rivals; `scripts/bench` runs them."""
