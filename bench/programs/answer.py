"""The other side of `start` in contestants.ts: prepares what the first line asks for, then measures once for each further
line. Nothing else gets to stdout."""

import json
import os
import platform
import resource
import sys


def answer_lines(prepare):
    """`prepare` takes the first request, gives what it is and a function that measures once: {"ms", …}."""
    answers = os.dup(1)
    os.dup2(2, 1)  # exporters and compilers talk

    def answer(value):
        os.write(answers, (json.dumps(value) + "\n").encode())

    about, run = prepare(json.loads(sys.stdin.readline()))
    answer({"Python": platform.python_version(), **about})
    for _ in sys.stdin:
        measured = run()
        answer({**measured, "peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024})
