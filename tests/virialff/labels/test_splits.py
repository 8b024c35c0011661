import pytest
from hypothesis import given
from hypothesis import strategies as st

from virialff.errors import ConfigError, EvaluationSetError
from virialff.labels.splits import (
    NAMED_FRACTIONS,
    PAPER_FRACTIONS,
    SPLITS,
    split_of,
    split_of_complex,
    split_of_record,
)

EXPECTED_WATER = ["train", "test", "train", "test", "train", "train", "validation", *["train"] * 5]
BLOCKS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=14, max_size=14)


@given(block=BLOCKS, seed=st.integers(0, 2**31))
def test_the_block_decides(block, seed):
    part = split_of(block, seed=seed)
    assert part in SPLITS
    assert part == split_of(f"{block}-UHFFFAOYSA-N", seed=seed) == split_of(f"{block}-KFWWJZLASA-N", seed=seed)


@given(blocks=st.lists(BLOCKS, min_size=2, max_size=3), seed=st.integers(0, 2**31))
def test_a_complex_does_not_depend_on_the_order_of_its_monomers(blocks, seed):
    assert split_of_complex(blocks, seed=seed) == split_of_complex(blocks[::-1], seed=seed)


def _blocks(n):
    letters = [chr(ord("A") + digit) for digit in range(10)]
    return ["".join(letters[int(digit)] for digit in f"{number:014d}") for number in range(n)]


@pytest.mark.parametrize("fractions", [(0.8, 0.1, 0.1), PAPER_FRACTIONS, (1.0, 0.0, 0.0)])
def test_parts_are_near_the_asked_fractions(fractions):
    parts = [split_of(block, seed=7, fractions=fractions) for block in _blocks(20_000)]
    for name, fraction in zip(SPLITS, fractions, strict=True):
        assert parts.count(name) / len(parts) == pytest.approx(fraction, abs=0.01)


def test_the_seed_changes_the_draw_and_nothing_else_does():
    first = [split_of(block, seed=1) for block in _blocks(500)]
    assert first == [split_of(block, seed=1) for block in _blocks(500)]
    assert first != [split_of(block, seed=2) for block in _blocks(500)]
    # the split of a shipped model must not move with a new release
    assert [split_of("XLYOFNOQVPJJNP-UHFFFAOYSA-N", seed=seed) for seed in range(12)] == EXPECTED_WATER


def test_fractions_that_do_not_add_up_are_refused():
    with pytest.raises(ConfigError, match="must add up to 1"):
        split_of("XLYOFNOQVPJJNP", seed=0, fractions=(0.8, 0.1, 0.2))
    with pytest.raises(EvaluationSetError, match="is no InChIKey"):
        split_of("water", seed=0)


def test_the_papers_fractions_are_those_of_its_counts_in_the_order_of_the_parts():
    train, test, validation = 227_613, 56_904, 19_814
    assert SPLITS == ("train", "validation", "test")
    for fraction, molecules in zip(PAPER_FRACTIONS, (train, validation, test), strict=True):
        assert fraction == pytest.approx(molecules / 304_331, abs=5e-4)
    assert NAMED_FRACTIONS["paper"] == PAPER_FRACTIONS


def test_the_papers_split_is_seeded_and_goes_by_the_first_block():
    parts = [split_of(block, seed=5, fractions=PAPER_FRACTIONS) for block in _blocks(5000)]
    assert parts == [split_of(f"{block}-UHFFFAOYSA-N", seed=5, fractions=PAPER_FRACTIONS) for block in _blocks(5000)]
    assert parts != [split_of(block, seed=6, fractions=PAPER_FRACTIONS) for block in _blocks(5000)]
    assert [round(100 * parts.count(part) / 5000) for part in SPLITS] == [75, 6, 18]


def test_a_complex_is_held_out_with_a_partner_and_monomers_always_train():
    keys = {split_of(block, seed=1): block for block in _blocks(500)}
    train, validation, test = (keys[part] for part in SPLITS)
    other = next(block for block in _blocks(500) if split_of(block, seed=1) == "train" and block != train)

    def part(*blocks: str, always_train: tuple[str, ...] = ()) -> str:
        return split_of_record(blocks, always_train=always_train, seed=1)

    assert [part(train), part(validation), part(test)] == list(SPLITS)
    assert part(test, always_train=(test,)) == "train"
    assert part(train, test) == part(test, validation) == "test"
    assert part(validation, train) == "validation"
    assert part(train, other) == part(other, train) == split_of_complex([train, other], seed=1)
    assert part(test, train, always_train=(test,)) == split_of_complex([train, test], seed=1)
