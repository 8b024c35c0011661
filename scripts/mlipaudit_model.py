"""The model file of MLIPAudit: `mlipaudit benchmark -m scripts/mlipaudit_model.py -o results`.

MLIPAudit gives one calculator all molecules in turn, so the bonds are perceived for each. For another model than the
default one write `VirialFF(model="NAME", ...)` into a copy.
"""

from virialff.ase import VirialFF

mlipaudit_external_model = VirialFF(one_molecule=False)
