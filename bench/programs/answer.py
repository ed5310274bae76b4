"""Answers `start` in candidate.ts: the program prepares what the first line of stdin asks for and makes one measurement for
each further line. Nothing but the answers reaches stdout."""

import json
import os
import platform
import resource
import sys


class Unsupported(Exception):
    """The library cannot run the request natively on this processor; the message says why."""


def answer_lines(prepare):
    """`prepare` takes the first request and returns versions and a function that makes one measurement: {"ms", ...}."""
    answers = os.dup(1)
    os.dup2(2, 1)  # exporters and compilers write to stdout

    def answer(value):
        os.write(answers, (json.dumps(value) + "\n").encode())

    try:
        about, run = prepare(json.loads(sys.stdin.readline()))
    except Unsupported as reason:
        answer({"unsupported": str(reason)})
        return
    answer({"Python": platform.python_version(), **about})
    for _ in sys.stdin:
        measured = run()
        answer({**measured, "peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024})
