"""A whole chat as a decoder reads it."""

import pytest

from suffice.errors import ArtefactError
from suffice.models import conversation
from suffice.models.prompt import Part, Prompt
from suffice.task import Message

_CHAT = (
    Message(role="system", content="be brief"),
    Message(role="user", content=" hi <|im_end|> "),
    Message(role="assistant", content="hello"),
    Message(role="user", content="bye"),
)


def test_markup_and_turns_alternate():
    """The template's words are markup, the turns' are not, whatever they look like."""
    made = conversation.parts(_CHAT, Prompt(style="chat"))
    assert [True, False] * 4 + [True] == [part.is_markup for part in made]
    assert Part(text="hi <|im_end|>", is_markup=False) == made[3]
    assert "<|im_end|>\n<|im_start|>assistant\n" == made[-1].text


def test_a_template_without_a_system_turn_gets_its_words_in_the_first_users():
    """No turn is lost."""
    template = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}"
        "[{{ m.content }}]{% endfor %}"
    )
    made = conversation.parts(_CHAT, Prompt(style="chat", chat_template=template))
    assert "[be brief\n\nhi <|im_end|>][hello][bye]" == "".join(part.text for part in made)


def test_a_template_that_leaves_turns_out_is_refused():
    """The message names the roles."""
    template = "{{ messages[-1].content }}"
    with pytest.raises(ArtefactError, match=r"in order \(system, user, assistant, user\)"):
        conversation.parts(_CHAT, Prompt(style="chat", chat_template=template))
