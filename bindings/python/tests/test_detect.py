import json
import multiprocessing
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy
import pytest
from PIL import Image

import aand
from aand import _aand
from conftest import THRESHOLD
from conftest import aand as program


@pytest.fixture(scope="module")
def detector(model):
    return aand.Detector(model, "cpu", threshold=THRESHOLD)


def test_scores_are_the_programs_to_the_last_bit(detector, pictures, told):
    found = detector.detect([str(pictures[0]), *pictures[1:]])
    assert [one.score for one in found] == [line["score"] for line in told]
    assert [one.normalized for one in found] == [line["normalized"] for line in told]
    assert [one.verdict for one in found] == [line["verdict"] for line in told]
    assert {one.verdict for one in found} == {"good", "anomalous"}
    for one, line in zip(found, told):
        regions = [{"box": list(r.box), "center": list(r.center), "area": r.area, "maximum": r.maximum, "mean": r.mean} for r in one.regions]
        assert regions == line["regions"]
        assert one.path == line["path"] and bool(one.regions) == one.anomalous


def test_a_batch_does_not_change_a_score(detector, pictures, told):
    scores = [line["score"] for line in told]
    for batch in (1, 3, 100):
        assert [one.score for one in detector.detect(pictures, batch=batch)] == scores
        assert [one.score for one in detector.each(iter(pictures), batch=batch)] == scores
    assert detector.detect([]) == [] and list(detector.each([])) == []
    assert detector.detect(pictures[0]).score == scores[0]


def test_an_instant_detector_scores_as_in_the_program(good, pictures, tmp_path):
    """Another kind of model file, with a plan of its own."""
    model = tmp_path / "instant.aand"
    program("train", good, "--instant", "--size", "64", "--out", model, "--quiet")
    said = program("detect", model, *pictures[:3], "--out", tmp_path / "results", "--json", "--no-heat", "--no-overlay")
    scores = [line["score"] for line in map(json.loads, said.splitlines()) if "path" in line]
    assert [one.score for one in aand.Detector(model, "cpu").detect(pictures[:3])] == scores and len(scores) == 3


def test_an_array_scores_as_its_file(detector, pictures, told, tmp_path):
    picture = Image.open(pictures[0]).convert("RGB")
    array, score = numpy.asarray(picture), told[0]["score"]
    turned = numpy.asfortranarray(array)
    for same in (array, picture, turned, array[:, :, ::-1][:, :, ::-1], array.astype(">u2") * 257, array / 255, picture.convert("RGBA")):
        assert detector.detect(same).score == score
    file = pictures[0].read_bytes()
    assert detector.detect(file).score == detector.detect(bytearray(file)).score == score
    assert detector.detect(file).path is None
    few = picture.quantize(8)
    assert few.mode == "P"
    assert detector.detect(few).score == detector.detect(few.convert("RGB")).score
    gray = picture.convert("L")
    gray.save(tmp_path / "gray.png")
    for same in (gray, numpy.asarray(gray)[:, :, None]):
        assert detector.detect(same).score == detector.detect(tmp_path / "gray.png").score
    deep = numpy.asarray(gray).astype(numpy.uint16) * 200
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert detector.detect(deep).score == detector.detect(tmp_path / "deep.png").score != detector.detect(gray).score


def test_the_map_is_moved_not_copied(detector, pictures):
    found = detector.detect(pictures[-1])
    assert found.map.dtype == numpy.float32 and found.map.shape == (64, 64) and not found.map.flags.owndata
    assert isinstance(found.map.base, _aand.Map) and float(found.map.max()) == found.score
    kept = found.map
    before = kept.copy()
    del found
    detector.detect(pictures)
    assert (kept == before).all()
    with pytest.raises(ValueError):
        kept[0, 0] = 1


def test_what_was_found_as_pictures(detector, pictures):
    found = max(detector.detect(pictures), key=lambda one: one.score)
    heat, over = found.heat_map(), found.overlay(found.path)
    assert heat.shape == over.shape == (found.height, found.width, 3) and heat.dtype == numpy.uint8
    with pytest.raises(aand.SettingError, match="`range` wide"):
        found.overlay(found.path, range="wide")
    assert heat.max() > heat.min() and (over != numpy.asarray(Image.open(found.path).convert("RGB"))).any()


def test_errors_are_typed_and_name_the_remedy(detector, model, pictures, tmp_path):
    wrong = tmp_path / "wrong.png"
    wrong.write_text("no picture")
    empty = numpy.zeros((0, 4, 3), numpy.uint8)
    for picture, kind, words in [
        (wrong, aand.PictureError, "wrong.png"),
        (tmp_path / "none.png", aand.FileError, "none.png"),
        (numpy.zeros((3, 8, 8), numpy.uint8), aand.SettingError, "3 x 8 x 8"),
        (numpy.zeros((8, 8), numpy.int64), aand.SettingError, "int64"),
        (numpy.full((8, 8), numpy.nan), aand.SettingError, "not numbers"),
        (b"no picture", aand.PictureError, "the bytes given"),
        (empty, aand.SettingError, "has none"),
        (None, aand.SettingError, "object"),
    ]:
        with pytest.raises(kind, match=words) as raised:
            detector.detect(picture)
        assert isinstance(raised.value, aand.Error) and "\n" not in str(raised.value)
        answers = detector.detect([pictures[0], picture, pictures[1]], errors="return")
        assert [type(one) for one in answers] == [aand.Detection, kind, aand.Detection]
    for arguments, words in [
        (dict(device="abacus"), "`device` abacus"),
        (dict(device="gpu:1000"), "gpu:1000"),
        (dict(device="cpu", precision="f16"), "f16"),
        (dict(device="cpu", threshold=-1.0), "`threshold`"),
        (dict(device="cpu", threads=0), "`threads`"),
        (dict(device="cpu", min_area=float("nan")), "`min_area`"),
    ]:
        with pytest.raises(aand.Error, match=words):
            aand.Detector(model, **arguments)
    with pytest.raises(aand.ModelError, match="wrong.png"):
        aand.Detector(wrong)
    with pytest.raises(aand.SettingError, match="`batch`"):
        detector.detect(pictures, batch=0)
    with pytest.raises(aand.SettingError, match="`errors`"):
        detector.detect(pictures, errors="ignore")
    assert type(pickle.loads(pickle.dumps(aand.PictureError("x")))) is aand.PictureError


def test_threads_share_a_detector(detector, pictures, told):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: detector.detect(pictures[i % len(pictures)]).score, range(3 * len(pictures))))
    assert found == [line["score"] for line in told] * 3


def test_the_lock_is_free_meanwhile(detector, pictures):
    """Another thread goes on while this one computes for a while."""
    big = numpy.zeros((3000, 3000, 3), numpy.uint8)
    turns, over = [0], threading.Event()

    def count():
        while not over.wait(0.001):
            turns[0] += 1

    thread = threading.Thread(target=count)
    thread.start()
    before = turns[0]
    detector.detect([big] * 8, batch=8)
    during = turns[0] - before
    over.set()
    thread.join()
    assert during > 20, during


def score(detector, picture):
    return detector.detect(picture).score


def judge(detector, picture, queue):
    queue.put((detector.detect(picture).score, detector.threshold))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_are_handed_a_detector(detector, model, pictures, told, method):
    """A forked process has no threads but its own; one that was spawned gets the detector pickled."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {method}")
    detector.detect(pictures[0])
    for one in (detector, aand.Detector(model, "cpu", threshold=THRESHOLD, threads=1)):
        one.detect(pictures[0])
        context = multiprocessing.get_context(method)
        queue = context.Queue()
        process = context.Process(target=judge, args=(one, pictures[1], queue), daemon=True)
        process.start()
        assert queue.get(timeout=60) == (told[1]["score"], THRESHOLD)
        process.join(60)
        assert process.exitcode == 0


def test_pickled_it_is_its_path(detector, model, pictures, told, monkeypatch, tmp_path):
    monkeypatch.chdir(model.parent)
    near = aand.Detector(model.name, "cpu", threshold=THRESHOLD, min_area=5.0, threads=2)
    assert len(pickle.dumps(near)) < 1000
    monkeypatch.chdir(tmp_path)
    again = pickle.loads(pickle.dumps(near))
    assert again.threshold == THRESHOLD and again.path == str(model) and "Detector" in repr(again)
    found = pickle.loads(pickle.dumps(again.detect(pictures[0])))
    assert found.score == told[0]["score"] and found.map.shape == (64, 64)


def test_the_header_is_there(detector, model):
    own = aand.Detector(model, "cpu")
    assert own.info["size"] == 64 and own.info["threshold"]["value"] == own.threshold != detector.threshold
    assert "CPU" in own.device and aand.__version__.count(".") == 2
