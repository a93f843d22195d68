"""The published routing benchmark, on RouteLLM's recorded answers: `python -m bench.routellm`."""
