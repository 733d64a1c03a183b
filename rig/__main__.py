"""`python -m rig`: the command line without an installed script."""

from rig.cli import main

raise SystemExit(main())
