"""What `rig help transfers` tells."""

TRANSFERS = """\
Downloads and uploads that the system does, in a process of its own: they go on while the app is stopped or the system is started
anew, and those of an app that has ended rest until its next process attaches to them. `rig transfers` shows them while a test
runs; what became of them stands on the timeline (TRANSFER_..., rig help events).

  server = bench.peers.nginx()                             a real one; ftp_server(), http_server(), http_proxy() too
  server.publish("/one.bin", data)                         PUT and POST: server.uploaded(path)
  app.call("fetch", uri=server.url("/one.bin"))            the app: BackgroundDownloader (rig.standby.api.transfers)
  bench.timeline.wait("TRANSFER_ENDED", status="COMPLETED")

An app, from creation to end; rig/suite/apps/podcast.py is a whole one, with a serial group and a task when all have ended:

  download = BackgroundDownloader().create_download(uri, path)      BackgroundUploader().create_upload(uri, path)
  future = download.start_async()                                   pause(), resume(); future.cancel()
  for one in BackgroundDownloader.get_current_downloads_async():    at every launch: what an app never attaches to stays
      one.attach_async()

What comes in lies beside its place, as NAME.part, and gets its name when it is whole and on the disk. A server that has changed
the file, or knows no ranges, is asked for all of it anew: no file is ever put together from two.

Status           when
  IDLE                     created, not started; or waits for its turn, in its serial group or by priority: High, Default, Low
  RUNNING                  its request is under way
  PAUSED_BY_APPLICATION    pause()
  PAUSED_COSTED_NETWORK    its cost policy does not allow the network: host.levers.set(cost="fixed", roaming=True, ...)
  PAUSED_NO_NETWORK        no link, or no internet: host.levers.link(False), host.levers.set(internet=False)
  PAUSED_SYSTEM_POLICY     the user restricts it, the battery is saved, the phone is over its limit;
                           the host sleeps; the app has ended
  PAUSED_RECOVERABLE_WEB_ERROR_STATUS  never: nothing here asks for it (RecoverableWebErrorStatuses)
  COMPLETED, CANCELED, ERROR    TRANSFER_ENDED has the web error and words

Cost policies, on                a phone                                      a desktop
  UNRESTRICTED_ONLY              a network without a price                    a network without a price
  DEFAULT                        and a metered one whose plan will do         any
  ALWAYS                         and one whose plan will be exceeded, or      any
                                 that roams; over the limit none

In standby a transfer that moves keeps the host awake on external power, by its app's name (SLEEP_REFUSED); on battery it rests.
bench.toml [standby]: transfers_hold_awake, transfer_proxy, transfer_groups, strict_transfer_queue.

Faults to try: HttpFile(data, stops_at=1000, ranges=False, etag=...) on bench.peers.http_server(), a cable that loses
(rig help levers), and the kill of whoever takes part: rig bench --transfers --kills 100.
"""
