"""`rig help manifest`: one app in both forms, side by side."""

from __future__ import annotations

from itertools import zip_longest

TOML = """\
# mail.toml
name = "mail"       # else the file's name
version = "1.0.0.0"
entry = "mail_app:MailApp"
lock_screen = true
privileged = false

[[background_tasks]]
entry_point = "mail_tasks.Sync"
types = ["timer", "systemEvent"]




[[background_tasks]]
entry_point = "MailApp.PushTask"
types = ["controlChannel"]
executable = "mail.exe"
"""

XML = """\
<Package xmlns:uap="uap" xmlns:rig="rig"> <!-- mail.appxmanifest or mail.xml -->
 <Identity Name="mail" Version="1.0.0.0"/>
 <Applications>
  <Application Id="App" rig:Entry="mail_app:MailApp" rig:Privileged="false">
   <uap:VisualElements><uap:LockScreen Notification="badge"/></uap:VisualElements>
   <Extensions>
    <Extension Category="windows.backgroundTasks"
               EntryPoint="mail_tasks.Sync">
     <BackgroundTasks>
      <Task Type="timer"/>
      <Task Type="systemEvent"/>
     </BackgroundTasks>
    </Extension>
    <Extension Category="windows.backgroundTasks"
               EntryPoint="MailApp.PushTask"
               Executable="mail.exe">
     <BackgroundTasks><Task Type="controlChannel"/></BackgroundTasks>
    </Extension>
   </Extensions>
  </Application>
 </Applications>
</Package>
"""

_PAGE = """\
What an app's package declares, in either form: host.install("mail.toml"), then host.launch("mail"). Both say the same here.

{both}

XML is read as it stands: a Package, or only its Application, Extensions, or Extension after Extension, as documents show them;
prefixes need no declaration. Such a piece names no package: the file's name does, or host.install(file, name=..., entry=...).

entry        module:Class of the app's process, importable where the test runs; rig:Entry in XML. Nothing to launch without one:
             neither by host.launch nor by the system, for a task in the app's process while there is none.
entry point  each once, with every type of task that it is used for: module.Class, whose run(instance) is called in a process of
             its own; or, with an executable, a name in app.entry_points of the app's own process.
executable   any name (documents have "$targetnametoken$.exe"): the task runs in the app's own process. None, or
             backgroundTaskHost.exe: in a process of its own. Tasks of control channels always run in the app's, and have one; of
             devices never.
types        {types}
privileged   it may use device-servicing tasks; rig:Privileged in XML. lock_screen: it can be put on the lock screen.

  rig manifest check mail.toml    what a file says, or what is wrong in it and where

An app that a test starts without one, host.start_app("mail", "mail_app:MailApp"), may use every entry point for every type.
After host.update("mail", "newer.toml"), which wants a higher version, the app has to remove its background access and ask again.
"""


def page() -> str:
    from rig.manifest.manifest import TaskType

    width = max(map(len, TOML.splitlines())) + 2
    both = zip_longest(TOML.splitlines(), XML.splitlines(), fillvalue="")
    types = list(TaskType)
    rows = [", ".join(types[begin : begin + 7]) for begin in range(0, len(types), 7)]
    return _PAGE.format(
        both="\n".join(f"{toml:{width}}| {xml}".rstrip() for toml, xml in both), types=(",\n" + " " * 13).join(rows)
    )
