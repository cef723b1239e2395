"""The playbill says what to do next, in whatever order a visitor plays."""

from hypothesis import given
from hypothesis import strategies as st

from letterlock_client.workshop.acts import DEAD, OVER, STEPS, TITLES, Fact, Playbill


def test_each_step_in_its_turn_leads_to_the_end() -> None:
    bill = Playbill()
    for step in STEPS:
        assert bill.step == step
        bill = bill.happened(step.fact)
    assert bill.step is None
    assert bill.text == OVER
    assert {bill.state_of(title) for title in TITLES} == {"done"}


def test_the_middle_act_is_done_when_its_last_step_is() -> None:
    bill = Playbill().happened(Fact.WROTE).happened(Fact.ACCEPTED).happened(Fact.ANSWERED)
    title = STEPS[3].title
    assert bill.state_of(title) == "now"
    assert bill.happened(Fact.KILLED).state_of(title) == "now"
    assert (
        bill.happened(Fact.KILLED).happened(Fact.WAITING).happened(Fact.RECOVERED).state_of(title) == "done"
    )


def test_a_relay_killed_out_of_turn_is_what_the_visitor_is_told_about() -> None:
    bill = Playbill().relay(runs=False).happened(Fact.KILLED)
    assert bill.text == DEAD
    assert bill.relay(runs=True).text == STEPS[0].text


def test_a_relay_killed_in_its_turn_leads_to_writing_on() -> None:
    bill = Playbill().happened(Fact.WROTE).happened(Fact.ACCEPTED).happened(Fact.ANSWERED)
    assert bill.relay(runs=False).happened(Fact.KILLED).text == STEPS[4].text


@given(st.permutations(list(Fact)))
def test_nothing_that_happened_is_asked_for_again(order: list[Fact]) -> None:
    bill = Playbill()
    for fact in order:
        bill = bill.happened(fact)
        assert bill.step is None or bill.step.fact not in bill.done
    assert bill.text == OVER
