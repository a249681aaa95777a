"""`python -m smsq.contrib.sqlalchemy`: the relay of an outbox on SQLAlchemy.

In:  the database's address, arguments, the environment of smsq. Out: a relay that works until
SIGTERM, or an answer; an exit code.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

import sqlalchemy as sa

from smsq.contrib.outbox.command import add_arguments, run
from smsq.contrib.sqlalchemy.outbox import Outbox
from smsq.errors import SmsqError
from smsq.queue import SmsQueue

EXIT_BAD_INPUT = 2
_VARIABLE = "SMSQ_OUTBOX_URL"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m smsq.contrib.sqlalchemy",
        description="Hand messages of the outbox over to smsq, whose settings are SMSQ_...",
    )
    parser.add_argument("--database", metavar="URL", default=os.environ.get(_VARIABLE),
                        help="as create_engine takes it; best given as SMSQ_OUTBOX_URL, since "
                        "others see arguments")  # fmt: skip
    parser.add_argument("--table", default="smsq_outbox", help="its name")
    parser.add_argument("--schema", help="that it is in")
    add_arguments(parser)
    options = parser.parse_args(arguments)
    if not options.database:
        parser.error(f"no database: set {_VARIABLE}, or write --database")
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("smsq").setLevel(logging.INFO)
    try:
        engine = sa.create_engine(options.database, hide_parameters=True)
        queue = SmsQueue.from_env()
    except (sa.exc.ArgumentError, ImportError) as error:
        parser.error(f"database: {type(error).__name__}: write an address as create_engine does")
    except SmsqError as error:
        parser.error(str(error))
    outbox = Outbox(sa.MetaData(schema=options.schema), queue, table_name=options.table)
    try:
        return run(options, outbox.rows(engine), outbox.relay(engine), print)
    finally:
        queue.close()
        engine.dispose()


if __name__ == "__main__":
    sys.exit(main())
