"""The client of i-PI, with a real i-PI: ring-polymer dynamics of water at constant energy, over a socket."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import time
import uuid
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.build import molecule

from virialff import load_model
from virialff.molecules.molecule import Molecule
from virialff.units import EV_IN_KCAL_MOL

ROOT = Path(__file__).resolve().parents[2]
BEADS, STEPS = 2, 8
INPUT = """<simulation verbosity='low'>
  <output prefix='water'>
    <properties stride='1' filename='out'> [ step, conserved{{electronvolt}}, potential{{electronvolt}} ] </properties>
  </output>
  <total_steps>{steps}</total_steps>
  <prng><seed>1</seed></prng>
  <ffsocket name='virialff' mode='unix' pbc='false'><address>{address}</address></ffsocket>
  <system>
    <initialize nbeads='{beads}'>
      <file mode='xyz'> start.xyz </file>
      <velocities mode='thermal' units='kelvin'> 300 </velocities>
    </initialize>
    <forces><force forcefield='virialff'/></forces>
    <motion mode='dynamics'>
      <dynamics mode='nve'><timestep units='femtosecond'> 0.1 </timestep></dynamics>
    </motion>
    <ensemble><temperature units='kelvin'> 300 </temperature></ensemble>
  </system>
</simulation>
"""


@pytest.mark.slow
def test_ring_polymer_dynamics_by_ipi(tmp_path):
    water = molecule("H2O")
    cell = "# CELL(abcABC): 50 50 50 90 90 90  cell{angstrom} positions{angstrom}"
    rows = [f"{symbol} {x:.10f} {y:.10f} {z:.10f}" for symbol, (x, y, z) in zip(water.symbols, water.positions)]
    (tmp_path / "start.xyz").write_text("\n".join(["3", cell, *rows, ""]))
    ase.io.write(tmp_path / "water.xyz", water)
    address = f"virialff-{uuid.uuid4().hex[:12]}"
    (tmp_path / "input.xml").write_text(INPUT.format(address=address, beads=BEADS, steps=STEPS))
    (program,) = [file.locate() for file in importlib.metadata.files("ipi") or [] if file.name == "i-pi"]
    server = subprocess.Popen(
        [sys.executable, str(program), "input.xml"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        socket = Path(f"/tmp/ipi_{address}")
        deadline = time.monotonic() + 300
        while not socket.exists() and server.poll() is None and time.monotonic() < deadline:
            time.sleep(0.2)
        command = [
            sys.executable,
            "-m",
            "scripts.ipi_client",
            tmp_path / "water.xyz",
            "--smiles",
            "O",
            "--unix",
            address,
        ]
        client = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
        output = server.communicate(timeout=300)[0].decode()
    finally:
        server.kill()
        server.wait()
    assert server.returncode == 0, output
    steps, conserved, potential = np.loadtxt(tmp_path / "water.out").T
    assert len(steps) == STEPS + 1, client.stderr
    energy = load_model().force_field(Molecule.from_smiles("O")).energy(water.positions)
    # i-PI gives the mean over the beads, which all begin at the geometry of the file; its eV is off by 9e-8.
    assert potential[0] == pytest.approx(float(energy) / EV_IN_KCAL_MOL, rel=2e-7)
    assert np.ptp(potential) > 1e-4
    assert np.ptp(conserved) < 0.02 * np.ptp(potential)
