"""Which families of language models a name tells of: a judge is partial to its own."""

import re

# Lines of models that share weights, data or teachers. A name may tell of several: a Llama that was distilled
# from a DeepSeek is of both.
_FAMILIES = {
    "Claude": r"claude",
    "Command": r"command-?[ar]\b|cohere|\baya\b",
    "DeepSeek": r"deepseek",
    "Falcon": r"falcon",
    "Gemini and Gemma": r"gemini|gemma|palm-?2|\bbison\b",
    "GLM": r"\bglm\b|glm-?\d|chatglm",
    "GPT": r"chatgpt|gpt-?(?:3|4|5|oss)|\bo[134](?:-(?:mini|pro|preview))?\b|davinci",
    "GPT-2": r"gpt-?2\b|distilgpt",
    "Granite": r"granite",
    "Grok": r"\bgrok",
    "Llama": r"llama|vicuna|alpaca|nemotron",
    "Mistral": r"mistral|mixtral|ministral|codestral|magistral|devstral|zephyr",
    "OLMo": r"\bolmo",
    "Phi": r"\bphi-?\d",
    "Pythia": r"pythia|gpt-?neo|gpt-?j\b",
    "Qwen": r"qwen|qwq",
    "SmolLM": r"smollm",
    "Yi": r"\byi-",
}


def families_of(*names: str) -> frozenset[str]:
    """Returns the families that names of models tell of; empty where none is known."""
    text = " ".join(re.sub(r"[\s_/.:]+", "-", name.casefold()) for name in names)
    return frozenset(family for family, pattern in _FAMILIES.items() if re.search(pattern, text))
