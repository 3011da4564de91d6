"""Provision a Prefect server unless it is up to date; for a service that runs at every start.

`coldpress up` stores the digest of what it created in a file. Here the server stores it in a
variable, for any machine to see: activated schedules stay active until an upgrade changes the
deployments.
"""

from __future__ import annotations

import sys

from flows.stack import provision

_DIGEST_VARIABLE = "coldpress_furnished"


def main() -> bool:
    """Provision the server that PREFECT_API_URL names if its digest differs.

    Returns:
        Whether the server was provisioned.
    """
    from prefect.variables import Variable

    digest = provision.digest()
    if Variable.get(_DIGEST_VARIABLE) == digest:
        return False
    provision.main()
    Variable.set(_DIGEST_VARIABLE, digest, overwrite=True)
    return True


if __name__ == "__main__":
    sys.stdout.write("provisioned\n" if main() else "nothing to do: the server is up to date\n")
