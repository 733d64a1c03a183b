"""The key that images are signed with, and whose public half a board's boot loader trusts for ever.

One for a user, outside every tree: it outlives `make clean` and the clone, and a second clone's images run on the same boards.
RIG_SIGNING_KEY names another, such as a lab's. firmware/Makefile runs this module, before anything is installed too: what is
needed beside the standard library is imported where it is used.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rig.errors import BenchError, RigError, UsageError

if TYPE_CHECKING:
    from rig.device.image import Image

FILE = "signing_key.pem"
PRIVATE = 0o600
OTHERS = 0o077
ELSEWHERE = "set HOME, XDG_DATA_HOME or RIG_SIGNING_KEY to a place that you may write"


def directory() -> Path:
    """XDG base directories: a user's data. Raises BenchError RIG-T03 for a user without a home (a container's number)."""
    home = os.environ.get("XDG_DATA_HOME", "")
    try:
        base = Path(home) if home.startswith("/") else Path("~/.local/share").expanduser()
    except RuntimeError as error:
        raise BenchError("RIG-T03", "no signing key can be kept: this user has no home directory", ELSEWHERE) from error
    return base / "offload-rig" / "keys"


def path() -> Path:
    """Of the key in use, whether it exists or not."""
    named = os.environ.get("RIG_SIGNING_KEY")
    return Path(named) if named else directory() / FILE


def make() -> Path:
    """The key in use, made if need be. Raises UsageError RIG-F07 when RIG_SIGNING_KEY names none, BenchError RIG-T03."""
    from imgtool.keys import Ed25519

    key = path()
    if key.exists():
        return key
    if os.environ.get("RIG_SIGNING_KEY"):
        fix = f"correct it, unset it for a key of your own, or make one: imgtool keygen --type ed25519 --key {key}"
        raise UsageError("RIG-F07", f"RIG_SIGNING_KEY names {key}, which does not exist", fix)
    with _workshop() as folder:
        fresh = Path(folder, FILE)
        Ed25519.generate().export_private(str(fresh))
        _keep(fresh, key)
    return key


def check() -> None:
    """Raises UsageError RIG-F07 when images cannot be signed with the key in use: damaged, of another kind, not ours to read."""
    from imgtool import keys

    key = path()
    try:
        loaded = keys.load(str(key))
        kind = type(loaded).__name__ if loaded is not None else "one with a passphrase"
        reason = "" if isinstance(loaded, keys.Ed25519) else f"the boot loader takes Ed25519, this is {kind}"
    except Exception as error:  # imgtool raises what its parsers do
        reason = str(error)
    if reason:
        fix = "put the right key there, from a copy; boards trust no other. None left: move it away, the next build makes one"
        raise UsageError("RIG-F07", f"{key} is no key to sign with: {reason}", fix)


def adopt(old: Path) -> str:
    """Move the key of an older clone out of its build directory. What was done, in a sentence; "" when there was none.

    Where there is a key of this user already, another clone's is kept beside it: some board may trust it alone. A key without
    a byte, of a build that was killed, would be this user's for ever: that one goes.
    """
    if os.environ.get("RIG_SIGNING_KEY") or not old.is_file():
        return ""
    if not (content := old.read_bytes()):
        old.unlink()
        return ""
    target = directory() / FILE
    with _workshop() as folder:
        fresh = Path(folder, FILE)
        fresh.write_bytes(content)
        if _keep(fresh, target).read_bytes() == content:
            said = f"the signing key is in {target} now, where make clean leaves it"
        else:
            target = _keep(fresh, directory() / f"signing_key-{hashlib.sha256(content).hexdigest()[:8]}.pem")
            said = f"this clone had a signing key of its own; for boards that trust no other: RIG_SIGNING_KEY={target}"
    old.unlink()
    return said


def fingerprint(key: Path) -> str:
    """First eight digits of what `rig flash` calls the key of an image. Raises OSError, ValueError for no key."""
    from imgtool import keys

    loaded = keys.load(str(key))
    if loaded is None:
        raise ValueError("it has a passphrase")
    return hashlib.sha256(loaded.get_public_bytes()).hexdigest()[:8]


def verifies(image: Image) -> bool | None:
    """Whether an image's signature is right; None when it was made with another key than the one in use."""
    from cryptography.exceptions import InvalidSignature
    from imgtool import keys

    try:
        key = keys.load(str(path()))
        if key is None or hashlib.sha256(key.get_public_bytes()).digest() != image.key_hash:
            return None
        key.verify_digest(image.signature, image.digest)
    except InvalidSignature:
        return False
    except (OSError, ValueError, BenchError):
        return None
    return True


def readable_by_others(key: Path) -> bool:
    return bool(key.stat().st_mode & OTHERS)


def _workshop() -> tempfile.TemporaryDirectory[str]:
    """A directory that nobody else can look into (0700), on the keys' file system. Raises BenchError RIG-T03."""
    try:
        directory().mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=directory())
    except OSError as error:
        cause = f"no signing key can be kept in {directory()}: {error.strerror}"
        raise BenchError("RIG-T03", cause, ELSEWHERE) from error


def _keep(fresh: Path, target: Path) -> Path:
    """Give a file its name, whole and private from the first moment; a file that is there already stays."""
    fresh.chmod(PRIVATE)
    try:
        target.hardlink_to(fresh)
    except FileExistsError:
        pass
    except OSError:  # a file system without links: one user's two first builds at once are all that this loses
        if not target.exists():
            shutil.move(fresh, target)
    return target


def main(arguments: list[str]) -> int:
    """For make.

    `path OLD`: adopt OLD, print where the key is, as make and the shell read it; `make`: see that it exists; `check`.
    """
    try:
        if arguments[0] == "make":
            print(f"signing key made: {make()}")
            return 0
        if arguments[0] == "check":
            check()
            return 0
        if said := adopt(Path(arguments[1])):
            print(said, file=sys.stderr)
        print(str(path()).replace(" ", "\\ "))
    except RigError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        cause = f"no signing key can be kept in {error.filename}: {error.strerror}"
        print(f"error: {BenchError('RIG-T03', cause, ELSEWHERE)}", file=sys.stderr)
        return BenchError.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
