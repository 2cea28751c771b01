#!/usr/bin/env python3
"""The rival RapidOCR 3.10 behind our output: image paths in, one JSON document a line out, one thread; it adds nothing to the rival.

usage: rapid_ocr.py [--ruslat MODELS] IMAGE...
  without --ruslat   as installed: PP-OCRv6 small, which knows no Cyrillic letter
  --ruslat MODELS    its code around our detector and our Russian recogniser, line classifier off (it turns upright Russian lines)
"""
import argparse
import json
import sys

import cv2
from rapidocr import RapidOCR

ONE_THREAD = {"EngineConfig.onnxruntime.intra_op_num_threads": 1, "EngineConfig.onnxruntime.inter_op_num_threads": 1, "Global.log_level": "critical"}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--ruslat")
    arguments.add_argument("images", nargs="+")
    given = arguments.parse_args()
    cv2.setNumThreads(1)
    params = dict(ONE_THREAD)
    if given.ruslat:
        params |= {"Global.use_cls": False, "Det.model_path": f"{given.ruslat}/ppocrv6_tiny_det.onnx", "Rec.model_path": f"{given.ruslat}/ruslat_rec.onnx",
                   "Rec.rec_keys_path": f"{given.ruslat}/ruslat_charset.txt"}
    engine = RapidOCR(params=params)
    for path in given.images:
        try:
            texts = engine(path).txts or ()
            document = {"schema": 1, "source": path, "blocks": [{"type": "paragraph", "text": text} for text in texts]}
        except Exception as error:  # one bad file must not end the run: that would make the rival look worse than it is
            document = {"schema": 1, "source": path, "error": {"class": type(error).__name__, "message": str(error)}}
        print(json.dumps(document, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    sys.exit(main())
