"""A row that somebody has locked holds up its own item of a redrive, and no other."""

import pytest

from reliability.models import Redrive
from tests.governance.races import somebody_else
from tests.reliability import letters
from tests.reliability.redriving import after, start, states

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.usefixtures("executor")]

LOCKS = {
    "task": "SELECT FROM governance_tasks WHERE id = %s::uuid FOR UPDATE",
    "letter": "SELECT FROM dead_letter_queue WHERE task_id = %s::uuid FOR UPDATE",
}


@pytest.mark.parametrize("kind", LOCKS)
def test_a_locked_head_is_left_and_the_others_go_on(kind):
    first, second, third = (letters.dead() for _ in range(3))
    with somebody_else() as session:
        session.execute(LOCKS[kind], [str(first.task_id)])

        redrive = start([letter.pk for letter in (first, second, third)], max_failure_rate=1)
        letters.run(second)
        after(redrive, 5)

        assert states(redrive) == ["waiting", "succeeded", "handed_over"]
        session.execute("ROLLBACK")
    letters.run(third)
    after(redrive, 10)
    letters.run(first)
    after(redrive, 15)

    assert states(redrive) == ["succeeded"] * 3
    assert redrive.state == Redrive.State.COMPLETED
