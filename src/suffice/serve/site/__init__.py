"""What a gateway serves: a site file, or a run's folder, read into frozen values."""
