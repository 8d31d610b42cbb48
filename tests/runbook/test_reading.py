"""How the runbook is read, and that an answer which is not what it says is noticed."""

import pytest

from tests.runbook import document

PAGE = """\
# Guide

## Common Issues

### Something Broke

#### Diagnostic Steps

1. Look:

```bash
# Look at it
look --at it
```

```text
 all  | well
```

```text trouble
broken since … by …
```

#### Solution

```python recovered
mend()
```
"""


def read(tmp_path, text):
    path = tmp_path / "page.md"
    path.write_text(text)
    return document.commands(path)


def test_a_command_is_known_by_section_part_and_answers(tmp_path):
    look, mend = read(tmp_path, PAGE)

    assert (look.section, look.part, look.language, look.flags) == (
        "Something Broke", "Diagnostic Steps", "bash", [],
    )  # fmt: skip
    assert look.text == "# Look at it\nlook --at it"
    assert look.answers == {"": " all  | well", "trouble": "broken since … by …"}
    assert (mend.part, mend.language, mend.flags, mend.text) == (
        "Solution", "python", ["recovered"], "mend()",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("was", "becomes"),
    [("```bash", "```"), ("```bash", "```sh"), ("recovered", "sometimes"), ("text trouble", "text maybe")],
)
def test_what_is_marked_up_otherwise_is_an_error(tmp_path, was, becomes):
    with pytest.raises(ValueError, match="neither a command nor an answer"):
        read(tmp_path, PAGE.replace(was, becomes, 1))


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("broken since noon by mice", "broken since … by …"),
        (" all   |  well \n(1 row)", " all  | well"),
        ("a\nb\nc", "a\n…\nc"),
        ("id 4711 done", "id …"),
    ],
)
def test_an_answer_fits(said, answer):
    assert document.fits(said, answer)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("broken by mice since noon", "broken since … by …"),
        ("all is well", "all well"),
        ("", "well"),
        ("c b a", "a … c"),
    ],
)
def test_another_answer_does_not(said, answer):
    assert not document.fits(said, answer)
