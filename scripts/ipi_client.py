"""Energies and forces for i-PI: connects the force field to a running i-PI, by ASE's socket client.

    i-pi input.xml &
    python -m scripts.ipi_client start.xyz --unix water

The bonds are those of the SMILES, in the order of the atoms, or perceived from the geometry. i-PI ends the client.
"""

from __future__ import annotations

import argparse

import ase.io
from ase.calculators.socketio import SocketClient

from virialff.ase import VirialFF


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("structure", help="a file that ASE reads; its first geometry has the atoms in i-PI's order")
    parser.add_argument("--smiles", help="the bonds (default: perceived)")
    parser.add_argument("-m", "--model", help="name or folder of a model (default: the default model)")
    parser.add_argument("--unix", metavar="NAME", help="address of the ffsocket in mode unix")
    parser.add_argument("--host", default="localhost", help="of i-PI, in mode inet (default %(default)s)")
    parser.add_argument("--port", type=int, default=31415, help="of i-PI, in mode inet (default %(default)s)")
    arguments = parser.parse_args()
    atoms = ase.io.read(arguments.structure, index=0)
    assert isinstance(atoms, ase.Atoms)
    atoms.pbc = False
    atoms.calc = VirialFF(arguments.smiles, arguments.model)
    if arguments.unix is not None:
        client = SocketClient(unixsocket=arguments.unix)
    else:
        client = SocketClient(host=arguments.host, port=arguments.port)
    client.run(atoms, use_stress=False)


if __name__ == "__main__":
    main()
