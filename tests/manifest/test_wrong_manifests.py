"""A wrong manifest is refused with file, line, key, and what is right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rig.errors import RigError, UsageError
from rig.manifest.manifest import TaskType
from rig.manifest.read import read_manifest
from tests.manifest.files import PACKAGE, SEED, TOML, read

TYPES = re.escape(", ".join(TaskType))


def swapped(text: str, old: str, new: str, count: int = 1) -> str:
    assert old in text
    return text.replace(old, new, count)


WRONG_XML: dict[str, tuple[str | bytes, int, str]] = {
    "unknown type": (
        swapped(SEED, "controlChannel", "controlchanel"),
        6,
        rf'Task Type = "controlchanel": expected one of {TYPES}; did you mean controlChannel\?',
    ),
    "the type of one page of the platform's (B-30)": (
        swapped(SEED, "controlChannel", "realTimeCommunication"),
        6,
        r'Task Type = "realTimeCommunication": .*; did you mean controlChannel\?',
    ),
    "no type": (swapped(SEED, ' Type="controlChannel"', ""), 6, f"Task Type is missing: expected one of {TYPES}"),
    "a key too many": (
        swapped(SEED, "<Task Type", '<Task type="x" Type'),
        6,
        r"Task type is not known: expected only Type here; did you mean Type\?",
    ),
    "no entry point": (
        swapped(SEED, '         EntryPoint="Background.PushNotifyTask"', ""),
        2,
        "Extension EntryPoint is missing: expected the name of a class .*e.g. mail_tasks.Sync",
    ),
    "an empty entry point": (swapped(SEED, "Background.PushNotifyTask", ""), 2, 'Extension EntryPoint = "": expected the name'),
    "an endless entry point": (
        swapped(SEED, "Background.PushNotifyTask", "a" * 300),
        2,
        r'EntryPoint = "a{80}\.\.\.": expected .*at most 256 characters',
    ),
    "wrong key": (
        swapped(SEED, "EntryPoint", "Entrypoint"),
        2,
        r"Extension Entrypoint is not known: expected only Category, EntryPoint, .*; did you mean EntryPoint\?",
    ),
    "twice the same entry point": (
        swapped(SEED, "Windows.Networking.Sockets.WebSocketKeepAlive", "Background.PushNotifyTask"),
        9,
        'EntryPoint = "Background.PushNotifyTask": expected each entry point once, .*; it stands in line 2 too',
    ),
    "twice on one line": (
        swapped(SEED, "Windows.Networking.Sockets.WebSocketKeepAlive", "Background.PushNotifyTask").replace("\n", " "),
        1,
        "each entry point once",
    ),
    "nearly the category": (
        swapped(SEED, "windows.backgroundTasks", "windows.backgroundTask"),
        2,
        r'Category = "windows.backgroundTask": .*; did you mean windows.backgroundTasks\?',
    ),
    "no category": (swapped(SEED, 'Category="windows.backgroundTasks"', ""), 2, "Extension Category is missing"),
    "no executable's name": (swapped(SEED, "$targetnametoken$.exe", ""), 2, 'Executable = "": expected a file\'s name'),
    "a device's task in the app": (
        swapped(SEED, "controlChannel", "deviceUse"),
        2,
        r'Executable = "\$targetnametoken\$.exe": expected none: tasks of type deviceUse never run in the app',
    ),
    "no list": (
        '<Extension Category="windows.backgroundTasks"\n EntryPoint="x"/>',
        1,
        "Extension has 0 BackgroundTasks elements: expected one",
    ),
    "an empty list": (
        swapped(SEED, '        <Task Type="controlChannel" />\n', ""),
        5,
        'BackgroundTasks is empty: expected one <Task Type="..."/>',
    ),
    "another element": (
        swapped(SEED, "<Task Type", "<Tasc Type"),
        6,
        r"<Tasc> in BackgroundTasks is not known: expected only Task; did you mean Task\?",
    ),
    "a small letter": (
        swapped(swapped(SEED, "<Extensions>", "<extensions>"), "</Extensions>", "</extensions>"),
        1,
        r"<extensions> at the top is not known: .*; did you mean Extensions\?",
    ),
    "text": (swapped(SEED, "<BackgroundTasks>\n", "<BackgroundTasks>\n...\n"), 6, "text in BackgroundTasks: expected only Task"),
    "text at the top": ("...\n" + SEED, 1, "text at the top"),
    "two elements at the top": (SEED + SEED, 17, "<Extensions>: expected one element at the top"),
    "tasks of the package": (
        swapped(PACKAGE, "  <Applications>", SEED + "  <Applications>"),
        8,
        "expected in Application, not in Package",
    ),
    "two apps": (
        swapped(PACKAGE, "  </Applications>", "<Application/></Applications>"),
        24,
        "2 Application elements: expected one",
    ),
    "no app": ("\n<Package/>", 2, "0 Application elements: expected one"),
    "no identity": (
        "<Package><Applications><Application/></Applications></Package>",
        1,
        "0 Identity elements: expected one, with Name and Version",
    ),
    "wrong version": (
        swapped(PACKAGE, "1.2.0.0", "1.2"),
        5,
        'Identity Version = "1.2": expected four numbers up to 65535, e.g. 1.2.0.0',
    ),
    "a number too large": (swapped(PACKAGE, "1.2.0.0", "1.2.0.65536"), 5, "four numbers up to 65535"),
    "digits of another script": (swapped(PACKAGE, "1.2.0.0", "1.2.0.\N{ARABIC-INDIC DIGIT ONE}"), 5, "four numbers"),
    "no name": (swapped(PACKAGE, 'Name="Contoso.Mail" ', ""), 5, "Identity Name is missing: expected letters, digits"),
    "a name with a line end": (swapped(PACKAGE, "Contoso.Mail", "Mail&#10;er"), 5, r'Identity Name = "Mail\\ner": expected'),
    "wrong entry": (
        swapped(PACKAGE, "mail.app:MailApp", "mail.app.MailApp"),
        8,
        'Application rig:Entry = "mail.app.MailApp": expected module:Class',
    ),
    "an entry that is empty": (swapped(PACKAGE, "mail.app:MailApp", ""), 8, 'rig:Entry = "": expected module:Class'),
    "no key of ours": (
        swapped(PACKAGE, "rig:Entry", "rig:Enrty"),
        8,
        r"Application rig:Enrty is not known: expected only rig:Entry, rig:Privileged; did you mean rig:Entry\?",
    ),
    "neither true nor false": (
        swapped(PACKAGE, "rig:Entry", 'rig:Privileged="yes" rig:Entry'),
        8,
        'rig:Privileged = "yes": expected true or false',
    ),
    "not XML": ("name = 'mail'", 1, "no element: expected one of <Package>"),
    "nothing": ("", 1, "no element: expected one of <Package>, <Applications>, <Application>, <Extensions>, <Extension>"),
    "zeros": (b"\0" * 100, 1, "not XML: not well-formed"),
    "not closed": (swapped(SEED, "  </Extensions>\n", ""), 1, "<Extensions> is not closed"),
    "closed otherwise": (
        swapped(SEED, "</BackgroundTasks>", "</BackgroundTask>"),
        7,
        "not XML: expected </BackgroundTasks> of line 5 here",
    ),
    "closed once more": (SEED + "</Extensions>", 17, "closes nothing"),
    "closed before us": (SEED + "</manifest><manifest>", 17, "closes nothing"),
    "cut off": (SEED[:120], 1, "<Extensions> is not closed"),
    "one key twice": (swapped(SEED, "<Task ", '<Task Type="timer" '), 6, "not XML: duplicate attribute"),
    "an ampersand": (swapped(SEED, "Background.PushNotifyTask", "Push & Notify"), 4, "not XML"),
    "a bomb": (
        '<?xml version="1.0"?>\n<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>\n<Extensions>&b;</Extensions>',
        2,
        "a DOCTYPE: a manifest has none",
    ),
    "a file of the machine's": (
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>\n<Extensions>&a;</Extensions>',
        1,
        "a DOCTYPE: a manifest has none",
    ),
    "an entity": (swapped(SEED, "Background.PushNotifyTask", "&push;"), 2, "an entity that XML does not have"),
    "deep": ("\n<Extensions>" + "<a>" * 40, 2, "elements lie 32 deep: that is no manifest"),
    "10 MB": (b"<Extensions>\n" * 800_000, 20_166, "more than 256 KiB: that is no manifest"),
    "another encoding": ('<?xml version="1.0" encoding="EBCDIC-US"?>', 1, 'encoding = "ebcdic-us": expected one of utf-8'),
    "UTF-16 without a mark": (SEED.encode("utf-16-le"), 1, "not XML"),
    "half of UTF-16": ("<Extensions/>".encode("utf-16") + b"\n", 1, "is no UTF-16-LE text"),
    "Latin-1 unsaid": (SEED.replace("PushNotify", "Caf\xe9").encode("latin-1"), 4, "is no UTF-8 text: byte"),
}


@pytest.mark.parametrize("case", WRONG_XML)
def test_wrong_xml_is_refused_with_line_and_key(tmp_path: Path, case: str) -> None:
    content, line, said = WRONG_XML[case]
    with pytest.raises(UsageError, match=rf"^RIG-C19 \S+/app\.xml:{line}: .*{said}") as refused:
        read(tmp_path, "app.xml", content)
    assert refused.value.fix == f"edit {tmp_path}/app.xml; its form: rig help manifest"


WRONG_TOML: dict[str, tuple[str | bytes, str, int, str]] = {
    "unknown type": (
        swapped(TOML, '"timer"', '"tymer"'),
        "RIG-C19",
        8,
        rf'background_tasks.0.types = "tymer": expected one of {TYPES}; did you mean timer\?',
    ),
    "a text for a list": (swapped(TOML, '["timer", "systemEvent", "bluetooth"]', '"timer"'), "RIG-C19", 8, "expected a list of"),
    "an empty list": (swapped(TOML, '["timer", "systemEvent", "bluetooth"]', "[]"), "RIG-C19", 8, "expected a list of"),
    "a number in a list": (swapped(TOML, '"timer"', "3"), "RIG-C19", 8, "expected a list of"),
    "no types": (swapped(TOML, "types", "typs"), "RIG-C19", 8, r"background_tasks.0.typs is not known: .*did you mean types\?"),
    "no entry point": (swapped(TOML, 'entry_point = "mail_tasks.Sync"\n', ""), "RIG-C19", 6, "entry_point is missing"),
    "an empty entry point": (swapped(TOML, "mail_tasks.Sync", ""), "RIG-C19", 7, 'entry_point = "": expected a text'),
    "twice the same": (
        TOML + '[[background_tasks]]\ntypes = ["timer"]\nentry_point = "mail_tasks.Sync"\n',
        "RIG-C19",
        11,
        "background_tasks.1.entry_point = .* each entry point once",
    ),
    "a device's task in the app": (
        TOML + 'executable = "a.exe"\n'.replace("a.exe", "$targetnametoken$.exe") + "\n[[background_tasks]]\n"
        'entry_point = "device"\ntypes = ["deviceServicing"]\nexecutable = "mail.exe"',
        "RIG-C19",
        14,
        "background_tasks.1.executable = .* expected none: tasks of type deviceServicing never run in the app",
    ),
    "a table for tables": (swapped(TOML, "[[background_tasks]]", "[background_tasks]"), "RIG-C19", 6, r"expected tables \[\["),
    "wrong version": (swapped(TOML, "1.2.0.0", "1.2"), "RIG-C19", 2, 'version = "1.2": expected four numbers'),
    "a version of one number": (swapped(TOML, '"1.2.0.0"', "1.2"), "RIG-C19", 2, "version = 1.2: expected a text in quotes"),
    "wrong name": (swapped(TOML, "Contoso.Mail", "Contoso Mail"), "RIG-C19", 1, 'name = "Contoso Mail": expected letters'),
    "wrong entry": (swapped(TOML, "mail.app:MailApp", "mail.app"), "RIG-C19", 3, 'entry = "mail.app": expected module:Class'),
    "a word for true": (swapped(TOML, "true", '"yes"'), "RIG-C19", 4, 'lock_screen = "yes": expected true or false'),
    "wrong key": (swapped(TOML, "lock_screen", "lockscreen"), "RIG-C19", 4, r"lockscreen is not known: .*mean lock_screen\?"),
    "no TOML": (SEED, "RIG-C01", 1, "not TOML"),
    "one key twice": (TOML + "types = []", "RIG-C01", 9, "not TOML"),
    "10 MB": (b"# more\n" * 1_500_000, "RIG-C19", 4_682, "more than 32 KiB"),
}


@pytest.mark.parametrize("case", WRONG_TOML)
def test_wrong_toml_is_refused_with_line_and_key(tmp_path: Path, case: str) -> None:
    content, code, line, said = WRONG_TOML[case]
    with pytest.raises(UsageError, match=rf"^{code} \S+/app\.toml:{line}: .*{said}"):
        read(tmp_path, "app.toml", content)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("mail.xlm", SEED, r'RIG-C19 .*suffix ".xlm": expected one of .xml, .appxmanifest, .toml; did you mean .xml\?'),
        ("mail", SEED, 'RIG-C19 .*suffix "": expected'),
        ("my mail.xml", SEED, 'RIG-C19 .*no name, and the file\'s "my mail" is none for a package'),
        ("my mail.toml", "", 'RIG-C19 .*no name, and the file\'s "my mail" is none for a package'),
        ("mail.toml", TOML.encode("utf-16"), "RIG-C01 .*is no UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_one(tmp_path: Path, name: str, content: str | bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read(tmp_path, name, content)


@pytest.mark.parametrize("name", ["no.xml", "no.toml", "folder.xml"])
def test_a_file_that_is_not_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.xml").mkdir()
    with pytest.raises(RigError, match=r"RIG-C01 .*cannot be read"):
        read_manifest(tmp_path / name)
