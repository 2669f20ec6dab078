import os
import signal
import threading
import time

import pytest
from PIL import Image

import aand
from conftest import aand as program

# Eight pictures are few, and that is said.
pytestmark = pytest.mark.filterwarnings("ignore::aand.AandWarning")
BRIEF = dict(size=64, batch=4, epochs_amplify=1, epochs_distill=2, device="cpu")


def flags(settings):
    return [word for name, value in settings.items() if name != "device" for word in (f"--{name.replace('_', '-')}", value)]


@pytest.fixture(scope="module")
def by_program(good, tmp_path_factory):
    out = tmp_path_factory.mktemp("program") / "m.aand"
    program("train", good, "--out", out, *flags(BRIEF), "--quiet")
    return out.read_bytes()


def checkpoint(out):
    found = [path for path in out.parent.iterdir() if "checkpoint" in path.name]
    return found[0] if found else None


def test_the_model_is_the_programs_to_the_last_bit(good, tmp_path, by_program):
    told = []
    with pytest.warns(aand.AandWarning, match="8 good pictures"):
        info = aand.train(good, tmp_path / "m.aand", progress=told.append, **BRIEF)
    assert (tmp_path / "m.aand").read_bytes() == by_program
    assert [path.name for path in tmp_path.iterdir()] == ["m.aand"]
    assert info == aand.Detector(tmp_path / "m.aand", "cpu").info
    steps = [one for one in told if one.kind == "step"]
    assert [(one.stage, one.epoch, one.step) for one in steps] == [
        ("amplify", 0, 0), ("amplify", 0, 1), ("distill", 0, 0), ("distill", 0, 1), ("distill", 1, 0), ("distill", 1, 1),
    ]
    assert all(one.steps == 2 for one in steps) and {one.epochs for one in steps} == {1, 2}
    assert set(steps[0].losses) == {"focal", "amplification"} and set(steps[-1].losses) == {"kd", "hkd"}
    assert {one.kind for one in told} >= {"begin", "step", "epoch", "caching", "scoring"}


def test_a_copy_is_left_out_and_said(good, tmp_path, by_program):
    folder = tmp_path / good.name
    (folder / "once more").mkdir(parents=True)
    for path in good.glob("*.png"):
        (folder / path.name).write_bytes(path.read_bytes())
    first = min(path.name for path in good.glob("*.png"))
    (folder / "once more" / first).write_bytes((good / first).read_bytes())
    with pytest.warns(aand.AandWarning, match="1 picture left out, a copy of another: once more"):
        aand.train(folder, tmp_path / "m.aand", **BRIEF)
    assert (tmp_path / "m.aand").read_bytes() == by_program


def test_other_shapes_have_the_programs_size(tmp_path, good):
    """Oblong pictures are not squeezed to a square unless that is asked for."""
    folder = tmp_path / "oblong"
    folder.mkdir()
    for path in sorted(good.glob("*.png"))[:5]:
        Image.open(path).resize((128, 64)).save(folder / path.name)
    brief = {**BRIEF, "epochs_distill": 1}
    del brief["size"]
    aand.train(folder, tmp_path / "p.aand", **brief)
    program("train", folder, "--out", tmp_path / "c.aand", *flags(brief), "--quiet")
    assert (tmp_path / "p.aand").read_bytes() == (tmp_path / "c.aand").read_bytes()
    assert aand.Detector(tmp_path / "p.aand", "cpu").info["size"] == {"width": 352, "height": 192}


@pytest.mark.parametrize("how", ["false", "error", "interrupt"])
def test_a_stopped_training_goes_on_to_the_same_model(good, tmp_path, by_program, how):
    out = tmp_path / "m.aand"

    def stop(progress):
        if progress.kind == "step" and progress.stage == "distill" and progress.epoch == 1:
            if how == "error":
                raise KeyError("mine")
            if how == "interrupt":
                os.kill(os.getpid(), signal.SIGINT)
            return how != "false"

    with pytest.raises({"false": aand.Interrupted, "error": KeyError, "interrupt": KeyboardInterrupt}[how]):
        aand.train(good, out, progress=stop, **BRIEF)
    assert checkpoint(out) and not out.exists()
    aand.train(good, out, resume=True, **BRIEF)
    assert out.read_bytes() == by_program and not checkpoint(out)


def test_ctrl_c_is_heard_without_a_progress_function(good, tmp_path):
    out = tmp_path / "m.aand"

    def press():
        late = time.monotonic() + 60
        while not checkpoint(out) and time.monotonic() < late:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(KeyboardInterrupt):
        aand.train(good, out, **{**BRIEF, "epochs_distill": 5000})
    assert checkpoint(out) and not out.exists()


def test_nothing_of_the_users_is_replaced_and_settings_are_named(good, tmp_path):
    theirs = tmp_path / "theirs.aand"
    theirs.write_text("mine")
    with pytest.raises(aand.SettingError, match="theirs.aand: is there already"):
        aand.train(good, theirs, **BRIEF)
    assert theirs.read_text() == "mine"
    out = tmp_path / "m.aand"
    for settings, words in [
        (dict(epochs=3), "`epochs`: no such setting; there are .*epochs_amplify"),
        (dict(batch=0), "`batch` 0"),
        (dict(batch="many"), "`batch` \"many\""),
        (dict(size=50), "`size` 50"),
        (dict(device="abacus"), "`device` abacus"),
        (dict(preset="slow"), "`preset` slow"),
        (dict(range="5"), "`range` 5"),
        (dict(backbone="resnet1"), "`backbone`"),
    ]:
        with pytest.raises(aand.SettingError, match=words):
            aand.train(good, out, **{**BRIEF, **settings})
    with pytest.raises(aand.Error, match="nowhere"):
        aand.train(tmp_path / "nowhere", out, **BRIEF)
    assert not out.exists()


def test_one_training_writes_a_model_at_a_time(good, tmp_path):
    out = tmp_path / "m.aand"
    said = []

    def second(progress):
        if not said:
            with pytest.raises(aand.TemporaryError) as raised:
                aand.train(good, out, **BRIEF)
            said.append(str(raised.value))
        return False

    with pytest.raises(aand.Interrupted):
        aand.train(good, out, progress=second, **BRIEF)
    assert "another training writes this model" in said[0]
