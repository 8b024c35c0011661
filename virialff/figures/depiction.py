"""Drawings of molecules with their charges in colour."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D
from rdkit.Geometry import Point2D

from virialff.figures.charge_scale import ChargeScale
from virialff.molecules.aromaticity import without_hydrogens
from virialff.molecules.molecule import Molecule
from virialff.text import fixed

AtomLabels = Literal["none", "charges", "numbers", "elements"]
_HYDROGEN = 1
#: Orange of Okabe and Ito, lightened so that the symbol stays legible.
_MARK = (0.95, 0.73, 0.3)
_RING = (0.90, 0.62, 0.0)
_DARK_MARK = (0.55, 0.38, 0.0)
#: What is written on white and on dark pages, and of the discs the ground (0 to 255) and the share of their colour.
_INK, _LIGHT_INK = (0.0, 0.0, 0.0), (0.96, 0.96, 0.96)
_GROUND, _SHARE = 255, 0.72
_DARK_GROUND, _DARK_SHARE = 24, 0.44
# Pixels, for atoms without bonds.
_LONE_BOND = 70.0


@dataclass(frozen=True)
class Drawing:
    """A structural formula, and where its atoms are."""

    svg: str
    width: int  #: pixels of the drawing
    height: int
    places: dict[int, tuple[float, float]]  #: of each drawn atom (from 0), pixels from the upper left
    bond_length: float  #: mean, pixels


def structure_drawing(
    molecule: Molecule,
    charges: np.ndarray | None = None,
    *,
    scale: ChargeScale | None = None,
    hydrogens: bool = True,
    labels: AtomLabels = "none",
    marked: Collection[int] = (),
    width: int = 520,
    height: int = 400,
    element_colors: bool = False,
    dark: bool = False,
) -> Drawing:
    """The structural formula on a white ground, or without one for `dark` pages; without the molecule's title.

    `charges` (n_atoms,) in e colour a disc behind each drawn atom on `scale` (by default the fitting one). Without
    `hydrogens` those on heavy atoms are left out of the drawing; the discs of the others keep their own charge.
    `marked` atoms (from 0, hydrogens too) get an orange disc, beside charges an orange ring. With `element_colors` the
    symbols have the colours that are usual for their elements, else they are black, on dark pages white.
    """
    drawing = _drawable(molecule, hydrogens, marked)
    drawer = rdMolDraw2D.MolDraw2DSVG(width, height)
    options = drawer.drawOptions()
    options.clearBackground = not dark
    options.padding = 0.06
    options.minFontSize = 9
    options.maxFontSize = 18
    options.annotationFontScale = 0.65
    if dark:
        rdMolDraw2D.SetDarkMode(options)
        options.setAnnotationColour(_LIGHT_INK)
        options.setAtomNoteColour(_LIGHT_INK)
    if not element_colors:
        options.setAtomPalette({-1: _LIGHT_INK if dark else _INK})
    if labels == "elements":
        for atom in drawing.GetAtoms():
            atom.SetProp("atomLabel", atom.GetSymbol())
    elif labels == "numbers":
        for atom in drawing.GetAtoms():
            atom.SetProp("atomNote", str(atom.GetIntProp("atom_index") + 1))
    elif labels == "charges" and charges is not None:
        for atom in drawing.GetAtoms():
            atom.SetProp("atomNote", fixed(charges[atom.GetIntProp("atom_index")], 2, sign=True))
    if charges is None:
        chosen_atoms = [atom.GetIdx() for atom in drawing.GetAtoms() if atom.GetIntProp("atom_index") in marked]
        drawer.DrawMolecule(
            drawing,
            highlightAtoms=chosen_atoms,
            highlightAtomColors=dict.fromkeys(chosen_atoms, _DARK_MARK if dark else _MARK),
            highlightBonds=[],
        )
    else:
        chosen = scale or ChargeScale.fitting(charges)
        colors, radii = {}, {}
        for atom in drawing.GetAtoms():
            rgb = chosen.rgb(float(charges[atom.GetIntProp("atom_index")]))
            colors[atom.GetIdx()] = _mixed(rgb, _DARK_GROUND if dark else _GROUND, _DARK_SHARE if dark else _SHARE)
            radii[atom.GetIdx()] = 0.32 if atom.GetAtomicNum() == _HYDROGEN else 0.42
        drawer.DrawMolecule(
            drawing,
            highlightAtoms=list(colors),
            highlightAtomColors=colors,
            highlightAtomRadii=radii,
            highlightBonds=[],
        )
        _ring(drawer, drawing, marked)
    points = [drawer.GetDrawCoords(atom.GetIdx()) for atom in drawing.GetAtoms()]
    places = {
        atom.GetIntProp("atom_index"): (float(point.x), float(point.y))
        for atom, point in zip(drawing.GetAtoms(), points, strict=True)
    }
    length = _bond_length(drawer, drawing)
    drawer.FinishDrawing()
    svg: str = drawer.GetDrawingText()
    return Drawing(svg[svg.index("<svg") :], width, height, places, length)


def _bond_length(drawer: rdMolDraw2D.MolDraw2DSVG, drawing: Chem.Mol) -> float:
    lengths = [
        (drawer.GetDrawCoords(bond.GetBeginAtomIdx()) - drawer.GetDrawCoords(bond.GetEndAtomIdx())).Length()
        for bond in drawing.GetBonds()
    ]
    return float(np.mean(lengths)) if lengths else _LONE_BOND


def _ring(drawer: rdMolDraw2D.MolDraw2DSVG, drawing: Chem.Mol, marked: Collection[int]) -> None:
    """Circles around the marked atoms of the drawing, as wide as a third of its bonds are long."""
    radius = 0.34 * _bond_length(drawer, drawing)
    drawer.SetColour(_RING)
    drawer.SetLineWidth(3)
    drawer.SetFillPolys(False)
    for atom in drawing.GetAtoms():
        if atom.GetIntProp("atom_index") not in marked:
            continue
        centre = drawer.GetDrawCoords(atom.GetIdx())
        corners = [Point2D(centre.x + sign * radius, centre.y + sign * radius) for sign in (-1, 1)]
        drawer.DrawEllipse(*corners, True)


def _mixed(rgb: tuple[int, int, int], ground: int, share: float) -> tuple[float, ...]:
    """A share of a colour on its ground, each 0 to 1, so that atom symbols stay legible on the discs."""
    return tuple(round(ground + share * (part - ground)) / 255 for part in rgb)


def _drawable(molecule: Molecule, hydrogens: bool, marked: Collection[int]) -> Chem.Mol:
    drawing = Chem.RWMol(molecule.to_rdkit())
    drawing.RemoveAllConformers()
    for atom in drawing.GetAtoms():
        atom.SetIntProp("atom_index", atom.GetIdx())
        # A hydrogen with a map number stays.
        atom.SetAtomMapNum(1 if atom.GetIdx() in marked else 0)
    parameters = Chem.RemoveHsParameters()
    parameters.removeMapped = False
    shown = drawing.GetMol() if hydrogens else without_hydrogens(drawing, parameters)
    for atom in shown.GetAtoms():
        atom.SetAtomMapNum(0)
    rdDepictor.SetPreferCoordGen(False)
    rdDepictor.Compute2DCoords(shown)
    prepared = rdMolDraw2D.PrepareMolForDrawing(shown, addChiralHs=False)
    return prepared
