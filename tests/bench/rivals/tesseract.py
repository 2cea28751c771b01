#!/usr/bin/env python3
"""The rival Tesseract 5.3 (rus+eng) behind our output: image paths in, one JSON document a line out, one thread, one process an image.

It makes a table of nothing: Tesseract finds none. The paths are given as they are, so EXIF and turned pages are Tesseract's own business.
"""
import json
import os
import subprocess
import sys


def main():
    one_thread = dict(os.environ, OMP_THREAD_LIMIT="1")
    for path in sys.argv[1:]:
        done = subprocess.run(["tesseract", path, "-", "-l", "rus+eng"], capture_output=True, text=True, env=one_thread)
        document = {"schema": 1, "source": path}
        if done.returncode == 0:
            document["blocks"] = [{"type": "paragraph", "text": done.stdout}]
        else:
            document["error"] = {"class": "rival", "message": done.stderr.strip()[-200:]}
        print(json.dumps(document, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    sys.exit(main())
