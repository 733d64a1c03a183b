"""IXMLHTTPRequest2: one request an object, its response told to a callback object. Apart, as its library takes a moment.

From below: properties.py and errors.py are its enumerations; response_stream.py is what the body is read from; news_read.py
posts the read that is over whenever the callbacks have something to hear; hop.py is one connection; conversation.py goes from hop
to hop and says what comes; request.py is what apps see.
"""

from rig.standby.api.xhr.errors import XhrError
from rig.standby.api.xhr.properties import XhrAuth, XhrCredPrompt, XhrProperty
from rig.standby.api.xhr.request import XmlHttpRequest2, XmlHttpRequest2Callback
from rig.standby.api.xhr.response_stream import ResponseStream

__all__ = [
    "ResponseStream",
    "XhrAuth",
    "XhrCredPrompt",
    "XhrError",
    "XhrProperty",
    "XmlHttpRequest2",
    "XmlHttpRequest2Callback",
]
