"""Recipes: YAML files checked by pydantic, resolved into the plain settings that the loop takes."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from training.optimization import Optimization
from training.yaml_lines import line_of
from virialff.errors import ConfigError
from virialff.networks.config import NetworkConfig

PRESETS = Path(__file__).resolve().parent / "presets"


class DataSection(BaseModel):
    """Where the labels are and how they are split."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: Path
    split_seed: int
    #: Shares of train, validation and test.
    fractions: tuple[float, float, float] = (0.88, 0.04, 0.08)


class Recipe(BaseModel):
    """A checked recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    level_of_theory: str
    data: DataSection
    network: NetworkConfig
    optimization: Optimization


def load_recipe(path: Path) -> Recipe:
    """Read a recipe. Raises ConfigError with the file, the line and the key of the first thing that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"the recipe {path} cannot be read: {error.strerror}") from error
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"the recipe {path} is not valid YAML: {' '.join(str(error).split())}") from error
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        keys = [str(key) for key in first["loc"]]
        line = line_of(text, keys)
        unknown = first["type"] in ("extra_forbidden", "unexpected_keyword_argument")
        problem = "unknown key" if unknown else first["msg"]
        raise ConfigError(f"{path}, line {line}: {'.'.join(keys) or 'the recipe'}: {problem}") from error
