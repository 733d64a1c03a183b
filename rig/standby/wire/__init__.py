"""What crosses between the processes of a standby host: typed messages, errors, descriptors."""
