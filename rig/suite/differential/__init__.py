"""The differential judge: what a right device does with a segment for a sleeping connection, decided from the texts alone.

`judge` is a model of RFC 9293 3.10.7.4, RFC 7323 5 and RFC 5961, with what the contract (firmware/proto/README.md section 4)
says an offload device does otherwise. `random_traffic` makes segments around the window, `trial` holds a device against the
model, `minimise` cuts what failed down to the few segments that fail alone, `explain` says it in words.
Nothing here looks at any firmware; the engine's library and a device on the wire are two doors to the same trials.
"""
