"""How model families were taught to chat: the turns' markup, as templates in Jinja.

Written after each family's published description of its turns, in the simplest form that renders them.
"""

_LOOP = "{% for message in messages %}"
_END = "{% endfor %}"
_ASKED = "{% if add_generation_prompt %}"
_TEXT = "{{ message.content }}"
_ROLE = "{{ message.role }}"


def _marked(before_role: str, after_role: str, after_text: str, *, start: str = "") -> str:
    """Returns a template of turns `before_role` role `after_role` text `after_text`."""
    turn = f"{before_role}{_ROLE}{after_role}{_TEXT}{after_text}"
    answer = f"{_ASKED}{before_role}assistant{after_role}{{% endif %}}"
    return f"{start}{_LOOP}{turn}{_END}{answer}"


CHATML = _marked("<|im_start|>", "\n", "<|im_end|>\n")

TEMPLATES = {
    "chatml": CHATML,
    "llama-3": _marked("<|start_header_id|>", "<|end_header_id|>\n\n", "<|eot_id|>", start="{{ bos_token }}"),
    "phi-3": _marked("<|", "|>\n", "<|end|>\n"),
    "phi-4": _marked("<|im_start|>", "<|im_sep|>", "<|im_end|>"),
    "zephyr": _marked("<|", "|>\n", "{{ eos_token }}\n"),
    "llama-2": (
        "{% set spoken = namespace(words='') %}" + _LOOP + "{% if message.role == 'system' %}"
        "{% set spoken.words = '<<SYS>>\n' + message.content + '\n<</SYS>>\n\n' %}"
        "{% elif message.role == 'user' %}"
        "{{ bos_token }}[INST] {{ spoken.words }}{{ message.content }} [/INST]"
        "{% set spoken.words = '' %}{% else %} {{ message.content }} {{ eos_token }}{% endif %}" + _END
    ),
    "mistral": (
        "{{ bos_token }}" + _LOOP + "{% if message.role == 'system' %}"
        "{{ raise_exception('turns are by user and assistant') }}"
        "{% elif message.role == 'user' %}[INST] {{ message.content }} [/INST]"
        "{% else %} {{ message.content }}{{ eos_token }}{% endif %}" + _END
    ),
    "gemma": (
        "{{ bos_token }}" + _LOOP + "{% if message.role == 'system' %}"
        "{{ raise_exception('turns are by user and model') }}{% endif %}"
        "<start_of_turn>{{ 'model' if message.role == 'assistant' else message.role }}\n"
        "{{ message.content }}<end_of_turn>\n" + _END + _ASKED + "<start_of_turn>model\n{% endif %}"
    ),
}
