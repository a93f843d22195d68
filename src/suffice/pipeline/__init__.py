"""The main job: plan frozen steps, execute them once, certify, report."""
