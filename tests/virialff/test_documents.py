"""JSON that comes in is read within limits, and files of our own carry the checksum of their content."""

import json

import pytest

from virialff.documents import MOST_DEPTH, json_line, json_lines, parse_json, read_json, read_lines, read_object
from virialff.errors import DocumentError

REFUSED = {
    "nothing": (b"", "Expecting value"),
    "a part": (b'{"a": [1, 2', "Expecting"),
    "no text": (b'{"a": "\xff"}', "byte 7 is no text in UTF-8"),
    "not a number": (b'{"a": NaN}', "NaN is no number of JSON"),
    "an infinity": (b'{"a": -Infinity}', "-Infinity is no number of JSON"),
    "an infinity in digits": (b'{"a": 1e999}', "1e999 is too large a number"),
    "thousands of digits": (b"[" + b"9" * 5000 + b"]", "a number of thousands of digits"),
    "a key twice": (b'{"a": {"b": 1, "c": 2, "b": 1}}', "the key 'b' twice"),
    "half a character": (b'["\\udc00"]', "half a character"),
    "half a character as a key": (b'{"\\udc00": 1}', "half a character"),
    "deep lists": (b"[" * 60 + b"]" * 60, f"nested more than {MOST_DEPTH} deep"),
    "endless lists": (b"[" * 100_000, f"nested more than {MOST_DEPTH} deep"),
    "deep objects": (b'{"a":' * 60 + b"1" + b"}" * 60, f"nested more than {MOST_DEPTH} deep"),
    "much": (b'"' + b"a" * 9 * 2**20 + b'"', "larger than 8 MiB"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_sane_json_is_a_reason(name):
    text, reason = REFUSED[name]
    with pytest.raises(DocumentError, match=reason) as caught:
        parse_json(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_what_a_device_gives_without_end_is_refused(tmp_path):
    (tmp_path / "a.json").symlink_to("/dev/zero")
    with pytest.raises(DocumentError, match="larger than 8 MiB"):
        read_json(tmp_path / "a.json")


CONTENT = {"step": 3, "numbers": (1.5, -2e-7), "table": {2: "é", 10: None}, "empty": []}


def test_a_file_of_our_own_comes_back_without_its_checksum(tmp_path):
    file = tmp_path / "a.json"
    file.write_bytes(json_lines(CONTENT))
    assert read_object(file) == json.loads(json.dumps(CONTENT))
    # One without a checksum is older, or written by hand.
    file.write_text(json.dumps(CONTENT))
    assert read_object(file) == json.loads(json.dumps(CONTENT))


@pytest.mark.parametrize(
    ("old", "new"), [("3", "4"), ("1.5", "1.4"), ("é", "e"), ("empty", "enpty"), ("crc32", "crc33")]
)
def test_a_changed_content_is_named_with_the_file_and_what_to_do(tmp_path, old, new):
    file = tmp_path / "a.json"
    file.write_text(json_lines(CONTENT).decode().replace(old, new, 1))
    with pytest.raises(DocumentError, match=rf"{file} is damaged \(.*crc32.*\): take it away\."):
        read_object(file, "take it away")


def test_a_damaged_line_is_passed_over_and_counted_and_what_a_kill_left_is_not(tmp_path):
    file = tmp_path / "a.jsonl"
    lines = [json_line({"step": step, "loss": step / 7}) for step in range(1, 6)]
    lines[1] = lines[1].replace(b"0.2857", b"0.3857")
    lines[2] = lines[2][:9] + b"\n"
    file.write_bytes(b"".join(lines) + b'{"step": 6, "lo')
    found = read_lines(file)
    assert [row["step"] for row in found.rows] == [1, 4, 5]
    ((number, reason),) = found.damaged
    assert number == 2
    assert "checksum" in reason
    assert read_lines(tmp_path / "nowhere.jsonl") == ([], [])
