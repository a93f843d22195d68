"""One facts object, shown as page, as text and as JSON."""
