"""Recipes: YAML files checked by pydantic, resolved into the plain settings that the loop takes."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_serializer, model_validator

from training.recipes.optimization import Optimization
from training.recipes.yaml import load_yaml
from virialff.networks.config import NetworkConfig

PRESETS = Path(__file__).resolve().parents[1] / "presets"


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str | Path) else value


class DataSection(BaseModel):
    """Where the labels are and how they are split."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: Annotated[tuple[Path, ...], BeforeValidator(_as_list)] = Field(
        min_length=1,
        description="Label stores or Parquet files, of which the rows of one level of theory are taken; a path alone "
        "is a list of one.",
    )
    split_seed: int = Field(description="Of the split by molecule into train, validation and test.")
    fractions: tuple[float, float, float] = Field(
        default=(0.88, 0.04, 0.08), description="Shares of train, validation and test."
    )

    @field_serializer("labels")
    def _one_as_it_is(self, labels: tuple[Path, ...]) -> str | list[str]:
        return str(labels[0]) if len(labels) == 1 else [str(path) for path in labels]


class CompanionSection(BaseModel):
    """Labels of another level of theory to train on beside; they are split as those of the recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: tuple[Path, ...] = Field(min_length=1, description="Label stores or Parquet files.")
    level_of_theory: str = Field(description="Of their rows: others are left out.")


class Recipe(BaseModel):
    """A checked recipe: one stage of training as `optimization`, or several as `stages`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, description="Of the run folder and of the model.")
    level_of_theory: str = Field(description="Of the labels that are trained on: rows of others are left out.")
    initial: Path | None = Field(
        default=None, description="Folder of a run or a model whose weights training starts with."
    )
    data: DataSection = Field(description="The labels and their split.")
    companion: CompanionSection | None = Field(
        default=None, description="Labels of another level of theory to train on beside."
    )
    network: NetworkConfig = Field(description="Sizes and switches of the networks.")
    optimization: Optimization | None = Field(default=None, description="The one stage of training.")
    stages: tuple[Optimization, ...] | None = Field(default=None, description="Several stages, in their order.")

    @property
    def all_stages(self) -> tuple[Optimization, ...]:
        """The stages in their order, also where there is one only."""
        return self.stages or ((self.optimization,) if self.optimization else ())

    @model_validator(mode="after")
    def _check_stages(self) -> Self:
        if (self.optimization is None) == (not self.stages):
            raise ValueError("give either `optimization`, for one stage of training, or `stages`, a list of several")
        stages = self.all_stages
        if stages[0].freeze_embeddings and self.initial is None:
            raise ValueError(
                f"the first stage, {stages[0].name!r}, has freeze_embeddings and nothing has trained them: "
                "give `initial`, or a stage before it that trains them"
            )
        if self.companion is not None and self.initial is None:
            raise ValueError("`companion` needs `initial`, a run or a model of its level, whose baseline it keeps")
        if len({stage.name for stage in stages}) < len(stages):
            raise ValueError("two stages have the same name: name each differently")
        if len({stage.double_precision for stage in stages}) > 1:
            raise ValueError("double_precision must be the same in all stages")
        if any(stage.twin_weight for stage in stages) and any(stage.trains_potential for stage in stages):
            raise ValueError("stages must not mix twin_weight and losses of the potential: a twin is a run of its own")
        if len({stage.kinetic_descriptor_weight > 0 for stage in stages if stage.trains_kinetic}) > 1:
            raise ValueError("stages must not mix kinetic_weight and kinetic_descriptor_weight: take one of them")
        return self


def load_recipe(path: Path) -> Recipe:
    """Read a recipe. Raises ConfigError with the file, the line and the key of the first thing that is wrong."""
    return load_yaml(path, Recipe, "recipe")
