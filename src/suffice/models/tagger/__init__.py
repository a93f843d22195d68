"""The span tagger: a linear chain that copies values out of a text into an object."""
