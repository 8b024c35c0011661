from training.labelling.structures.geometries import embed
from training.labelling.tasks.gfn2 import minimized
from training.labelling.tasks.relaxations import chosen_steps
from virialff.conformers.relax import Minimum
from virialff.molecules.molecule import Molecule


def test_chosen_steps_reach_from_start_to_end() -> None:
    molecule = Molecule.from_smiles("CCCCO")
    steps: list[Minimum] = []
    minimized(molecule, embed(molecule, 1, 1).positions[0], 60, 0.2, on_step=steps.append)
    energies = [step.energy for step in steps]
    assert energies[0] == max(energies)
    chosen = chosen_steps(steps, 3, 0.2)
    assert chosen[0] is steps[0]
    assert len(chosen) == 3
    assert all(step.largest_force > 0.4 for step in chosen)
