"""RDKit's messages are kept off the terminal and given as a reason."""

import threading

from rdkit import Chem

from virialff.molecules import rdkit_log


def test_reason_is_one_line_without_time(capfd):
    with rdkit_log.captured() as log:
        assert Chem.MolFromSmiles("C1CC") is None
    assert log.reason() == "SMILES Parse Error: unclosed ring for input: 'C1CC'"
    assert capfd.readouterr().err == ""


def test_reason_shows_no_control_character_of_what_was_read():
    with rdkit_log.captured() as log:
        Chem.MolFromSmiles("CC\x1b[31mO\ufeff")
    assert log.reason().isprintable()
    assert "CC\N{REPLACEMENT CHARACTER}[31mO" in log.reason()


def test_nothing_wrong_gives_the_default():
    with rdkit_log.captured() as log:
        Chem.MolFromSmiles("CC")
    assert log.reason("none") == "none"


def test_rdkit_speaks_again_afterwards(capfd):
    with rdkit_log.captured():
        pass
    Chem.MolFromSmiles("C1CC")
    assert "unclosed ring" in capfd.readouterr().err


def test_text_that_is_not_utf8_is_still_a_reason():
    with rdkit_log.captured() as log:
        Chem.MolFromSmiles("CC(" + "é" * 40 + "C(")
    assert "SMILES Parse Error" in log.reason()


def test_threads_do_not_mix_their_reasons():
    wrong = []

    def work(text, expected):
        for _ in range(200):
            with rdkit_log.captured() as log:
                Chem.MolFromSmiles(text)
            if expected not in log.reason():
                wrong.append(log.text)

    threads = [
        threading.Thread(target=work, args=arguments)
        for arguments in [("C1CC", "unclosed ring"), ("CC(", "syntax error"), ("CN(C)(C)(C)C", "valence")]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
