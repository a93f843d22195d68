"""HTTP/1.1 to one server: JSON bodies out, whole replies or streams in, over connections that are kept."""
