"""A requirement and its area."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rig.errors import UsageError

PROFILES = ("win8", "win10", "both")

FIELDS = ("condition", "required", "observable", "source")
"""What a requirement says besides its title. A catalogue of a user's own may leave them out."""


@dataclass(frozen=True)
class Requirement:
    """One requirement. Texts are sentences, without line ends."""

    id: str
    area: str
    """The area in words."""
    title: str
    profile: str = "both"
    """`win8`, `win10` or `both`: the behaviour of which of the two the requirement is about."""
    condition: str = ""
    """When it applies."""
    required: str = ""
    """What has to happen then."""
    observable: str = ""
    """What a test sees, and by which it tells right from wrong."""
    source: str = ""
    """The public document, RFC section or API page that asks for it; where none does, why it is asked for."""
    reason: str = ""
    """Why no test of the suite proves it. Empty where one does."""
    proved: tuple[str, ...] = ()
    """Folders with tests that prove it: suite, engine, device, net ... Written down for the device's edge cases only."""
    remains: str = ""
    """What its tests leave out."""

    @property
    def prefix(self) -> str:
        """Its area's: "CCT"."""
        return self.id.rpartition("-")[0]


@dataclass(frozen=True)
class Area:
    """A group of requirements that share a prefix."""

    prefix: str
    title: str
    """The area in words."""
    about: str = ""
    """What a reader has to know to understand its requirements."""
    path: str = ""
    """The file it was read from."""


@dataclass(frozen=True)
class Catalogue:
    """Areas and requirements of one or several files."""

    areas: Mapping[str, Area] = field(default_factory=dict)
    requirements: Mapping[str, Requirement] = field(default_factory=dict)

    def joined(self, other: Catalogue) -> Catalogue:
        """This one and another. Raises UsageError RIG-C13 when both have an area: nobody adds to somebody else's."""
        for prefix, area in other.areas.items():
            if prefix in self.areas:
                cause = f"{area.path}: there is an area {prefix} already, in {self.areas[prefix].path}"
                raise UsageError("RIG-C13", cause, f"name yours otherwise, such as [MY_{prefix}]")
        return Catalogue({**self.areas, **other.areas}, {**self.requirements, **other.requirements})
