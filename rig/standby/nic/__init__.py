"""The driver of the offload device: hand-over, sleep and wake. It knows no app and no channel."""
