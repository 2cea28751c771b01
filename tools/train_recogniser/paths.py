"""Where the training finds its inputs and puts its work: everything hangs on the repository this file lies in."""
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
MODELS = REPOSITORY / "assets" / "models"
SHARED = REPOSITORY.parent / "shared"  # fixtures that are no part of the repository
WORK = HERE / "work"  # ignored by git: shards, fonts, crops

SOURCE_ONNX = MODELS / "ppocrv6_tiny_rec.onnx"
SOURCE_DICT = MODELS / "ppocrv6_tiny_dict.txt"
DETECTOR = MODELS / "ppocrv6_tiny_det.onnx"
RECOGNISER = MODELS / "ruslat_rec.onnx"
CHARSET = MODELS / "ruslat_charset.txt"
CHECKPOINT = HERE / "checkpoint.pt"
POSTS = SHARED / "fixtures" / "posts" / "posts_ru_open.jsonl"
IMAGES = SHARED / "fixtures" / "ocr"
ENGLISH_WORDS = pathlib.Path("/usr/share/dict/american-english")  # Debian: wamerican
