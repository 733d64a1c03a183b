"""Networks of namespaces: topology, gate, capture, counters."""
