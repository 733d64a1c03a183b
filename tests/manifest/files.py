"""Manifests in the form of both kinds, and their files."""

from __future__ import annotations

from pathlib import Path

from rig.manifest.manifest import Manifest
from rig.manifest.read import read_manifest

SEED = """\
  <Extensions>
    <Extension Category="windows.backgroundTasks"
         Executable="$targetnametoken$.exe"
         EntryPoint="Background.PushNotifyTask">
      <BackgroundTasks>
        <Task Type="controlChannel" />
      </BackgroundTasks>
    </Extension>
    <Extension Category="windows.backgroundTasks"
         Executable="$targetnametoken$.exe"
         EntryPoint="Windows.Networking.Sockets.WebSocketKeepAlive">
      <BackgroundTasks>
        <Task Type="controlChannel" />
      </BackgroundTasks>
    </Extension>
  </Extensions>
"""
"""The documents' only piece of a manifest: of an app with a WebSocket on a control channel."""

PACKAGE = """\
<?xml version="1.0" encoding="utf-8"?>
<Package xmlns="http://schemas.microsoft.com/appx/manifest/foundation/windows10"
         xmlns:uap="http://schemas.microsoft.com/appx/manifest/uap/windows10"
         xmlns:rig="urn:offload-rig:manifest" IgnorableNamespaces="uap rig">
  <Identity Name="Contoso.Mail" Publisher="CN=Contoso" Version="1.2.0.0" />
  <Properties><DisplayName>Mail &amp; more</DisplayName></Properties>
  <Applications>
    <Application Id="App" Executable="$targetnametoken$.exe" EntryPoint="Mail.App" rig:Entry="mail.app:MailApp">
      <uap:VisualElements DisplayName="Mail">
        <uap:LockScreen BadgeLogo="badge.png" Notification="badge" />
      </uap:VisualElements>
      <Extensions>
        <!-- runs in a process of its own -->
        <Extension Category="windows.backgroundTasks" EntryPoint="mail_tasks.Sync">
          <BackgroundTasks>
            <Task Type="timer" />
            <Task Type="systemEvent" />
            <uap:Task Type="bluetooth" />
          </BackgroundTasks>
        </Extension>
        <uap:Extension Category="windows.protocol"><uap:Protocol Name="mail" /></uap:Extension>
      </Extensions>
    </Application>
  </Applications>
  <Capabilities><Capability Name="internetClient" /></Capabilities>
</Package>
"""

TOML = """\
name = "Contoso.Mail"
version = "1.2.0.0"
entry = "mail.app:MailApp"
lock_screen = true

[[background_tasks]]  # runs in a process of its own
entry_point = "mail_tasks.Sync"
types = ["timer", "systemEvent", "bluetooth"]
"""
"""The same app as PACKAGE."""


def read(folder: Path, name: str, content: str | bytes) -> Manifest:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_manifest(path)
