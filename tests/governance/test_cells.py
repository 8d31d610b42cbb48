"""The cells of lists: each says which column it is of, numbers stand right, words stay words."""

import pytest

from governance.models import Task
from tests.governance.console import person, submit

pytestmark = pytest.mark.django_db
TASKS = "/admin/governance/task/"


@pytest.fixture
def shown(client):
    client.force_login(person("view_task", "cancel_task"))
    task_id = submit('<b class="bold">')
    Task.objects.filter(pk=task_id).update(error_message='" onclick="alert(1)')
    return client.get(TASKS).content.decode()


def test_each_cell_says_which_column_it_is_of(shown):
    assert '<td data-label="Status" class="field-state"' in shown
    assert '<th data-label="Task" class="field-what"' in shown


def test_the_box_of_a_row_has_no_label_beside_it(shown):
    assert '<td data-label="" class="action-checkbox"' in shown


def test_numbers_stand_right_in_cells_and_in_the_head(shown):
    assert '<td data-label="Attempts" class="jg-n field-runs"' in shown
    assert '<th scope="col" class="column-runs jg-n"' in shown


def test_what_somebody_wrote_stays_text(shown):
    assert "&lt;b class=&quot;bold&quot;&gt;" in shown
    assert 'onclick="alert' not in shown


def test_a_row_is_known_by_its_key(shown):
    assert f'data-key="{Task.objects.get().pk}"' in shown
