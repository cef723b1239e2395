"""What the realm's own clock promises: it goes on from where it was, and runs by nothing that can be set."""

from letterlock_server.vault.clock import running_from


def test_the_clock_goes_on_from_what_was_kept_and_runs_with_the_machine() -> None:
    machine = 5_000_000_000
    running = running_from(70_000, lambda: machine)
    assert running() == 70_000
    machine += 1_500_000_000
    assert running() == 71_500
    # The next start of the machine counts from anywhere.
    machine = 0
    assert running_from(running_from(70_000, lambda: machine)(), lambda: machine)() == 70_000
