"""HTTP/1.1 of the host API: what the two HttpClient flavours and IXMLHTTPRequest2 share, and the two flavours themselves.

From below: exchange.py is one request and its response without input or output; response_read.py posts the read of one;
connection.py is the transport that a channel may be bound to; route.py knows where a request goes next (redirects, credentials);
fetch.py sends a plain one there; client.py (System.Net.Http) and web_client.py (Windows.Web.Http) are what apps see.
"""
