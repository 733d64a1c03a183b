"""What `rig help push` tells."""

from __future__ import annotations

PUSH = """\
A push service of the bench's own, with one line to the host, awake and asleep; an app's server posts to it over HTTP:

  with bench.peers.push_service() as push:         tls=bench.authority.server_context(...): https
      host.use_push_service(push)
      uri = app.call("open_channel")               the app: PushNotificationChannelManager (rig.standby.api.push)
      push.post(uri, b"news", priority=Priority.HIGH, status=True)

A person does it with curl while a test waits (breakpoint()): print(push.curl(uri)) and print(push.curl_for_token("mail")) are
such lines, filled in, for any shell of the same user; SERVER is push.url(), SECRET stands at the end of a channel's URI:

  curl -d grant_type=client_credentials -d client_id=ms-app://mail -d client_secret=... -d scope=notify.windows.com \\
       SERVER/accesstoken.srf
  curl -i -H "Authorization: Bearer TOKEN" -H "X-WNS-Type: wns/raw" -H "Content-Type: application/octet-stream" \\
       -H "X-WNS-RequestForStatus: true" --data-binary "news" SERVER/c/SECRET

Headers, beside those that must be there
  X-WNS-PRIORITY          1 high, 2 medium, 3 low (that of one that says nothing), 4 very low
  X-WNS-Cache-Policy      cache: while the host is offline the newest of the channel is kept; no-cache: it is dropped
  X-WNS-TTL               seconds of the bench's clock after which it is of no use
  X-WNS-RequestForStatus  true: the answer says received, dropped or channelthrottled (X-WNS-Status, X-WNS-NotificationStatus),
                          and connected, tempconnected or disconnected (X-WNS-DeviceConnectionStatus)

Answers
  200  taken, with its X-WNS-Msg-ID            405  no POST
  400  a header is missing or wrong, no body,  406  throttled
       chunked, the channel of a tile          410  the channel has expired or was closed
  401  no token, or one that has expired       413  more than 5000 bytes
  403  the token is of another app
  404  no such channel                         X-WNS-Error-Description has the reason in words

Priorities, when the app is not exempt in the host's battery saver | when it is
  screen on, or on external power   all at once
  screen off, on battery            at once, batched, cached, cached | at once, at once, at once, cached
  battery saver                     all cached | at once, at once, at once, cached
Batched ones go together with the next that goes at once, or after 15 minutes; of cached ones the newest of each channel is kept.

What a test turns: push.skip(days=30), batch_minutes(5), throttle(10), revoke_tokens(), drop_lines(), accept_lines(False); each of
push.lines: hold(), go_on(), stop_reading(), reset(). What it sees: push.channels, notifications, deliveries, delivered(reply),
host(); PUSH_... events (rig help events). How hosts speak with it: rig/push_line.py.
"""
