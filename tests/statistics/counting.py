"""A process that counts until it is killed: one line for each slice, and none is committed before it is answered."""

import sys
from datetime import datetime

from sqlalchemy import make_url

from gateway.statistics import rollup
from gateway.store.engine import sync_engine


def main(url: str, now: str, slice_: str) -> None:
    rollup.SLICE = int(slice_)
    engine = sync_engine(make_url(url))
    done = 1
    while done:
        with engine.begin() as conn:
            done = rollup.count_decisions(conn, datetime.fromisoformat(now))
            print(done, flush=True)
            sys.stdin.readline()


if __name__ == "__main__":
    main(*sys.argv[1:])
