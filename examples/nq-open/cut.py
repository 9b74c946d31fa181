"""Take the first so many characters of a packed text, by whole lines: python cut.py N < TEXT.gz."""

import gzip
import sys

left = int(sys.argv[1])
sys.stdout.reconfigure(encoding="utf-8", newline="\n")
with gzip.open(sys.stdin.buffer, "rt", encoding="utf-8", newline="\n") as lines:
    for line in lines:
        left -= len(line)
        if left < 0:
            break
        sys.stdout.write(line)
