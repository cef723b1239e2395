"""demo: the live stage, or the whole story told and checked."""

from argparse import Namespace

from letterlock_client.commands.session import run_command
from letterlock_client.output import Output


def run(verb: str, given: Namespace, output: Output) -> int:
    """Show Letterlock at work; return the exit status."""
    del verb
    if given.headless:
        from letterlock_client.workshop.story import tell_story

        return run_command(lambda: tell_story(output), output)
    from letterlock_client.workshop.stage import run_stage

    return run_stage()
