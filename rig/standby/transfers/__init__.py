"""The process of background transfers: downloads and uploads that go on whatever becomes of the apps that began them.

A loop of its own, so that a gigabyte never shares an interpreter with a wake. It knows no app and no power: what it may do, the
system says.

The network's side is libcurl's, through pycurl. One GiB over a bench's veth to a file, on two busy processors, medians of several
rounds in turn, with the processor's time of the client and the most that its process had resident:

    http    from nginx     curl 106 MB/s 2.7 s             pycurl 107 MB/s 2.6 s 32 MiB    aiohttp 100 MB/s 3.0 s 35 MiB
    https   from nginx     curl  86 MB/s                   pycurl  84 MB/s 4.2 s
    ftp     from vsftpd    curl  79 MB/s                   pycurl 131 MB/s 3.1 s           aioftp   76 MB/s 4.3 s

For http alone aiohttp would do as well. FTP would want aioftp beside it, which is slower, and a second way for each limit,
each error and what is gone on with; libcurl has one way for all of it.
"""
