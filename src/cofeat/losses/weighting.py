"""How several losses become one: trained, fixed or logarithmic weights.

Kendall, Gal and Cipolla train a log-variance s for each loss L::

    classification   exp(-s) L + s / 2
    regression       exp(-s) L / 2 + s / 2

At the optimum over s a term acts as 1/2 log L does, but s moves slowly, so how
hard a loss presses depends on the length of the training. A factor on the
whole term (``pressure``) stays in force at the optimum, where one on the loss
alone would cancel; ``"log"`` takes that optimum at once, pressure * log L.

Source: Kendall, Gal, Cipolla, "Multi-task learning using uncertainty to weigh
losses", CVPR 2018.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

# What a batch without truth has for a loss has no logarithm, and a sum of it no end.
_LEAST = 1e-12

Rule = Literal["uncertainty", "fixed", "log"]
Kind = Literal["classification", "regression"]


@dataclass(frozen=True)
class Term:
    """How one loss enters the total."""

    kind: Kind = "regression"
    rule: Rule = "uncertainty"
    pressure: float = 1.0
    """Multiplies the whole term."""


class Weighting(nn.Module):
    """Adds losses up.

    Args:
        terms: loss name -> how it enters. A log-variance is trained for each
            whose rule is ``"uncertainty"``.
    """

    def __init__(self, terms: dict[str, Term]) -> None:
        super().__init__()
        self.terms = dict(terms)
        self.log_variances = nn.ParameterDict(
            {
                name: nn.Parameter(torch.zeros(()))
                for name, term in terms.items()
                if term.rule == "uncertainty"
            }
        )

    def forward(self, losses: dict[str, Tensor]) -> Tensor:
        """Return the total of the losses (each of shape ()), shape ()."""
        return torch.stack([self._term(name, loss) for name, loss in losses.items()]).sum()

    def _term(self, name: str, loss: Tensor) -> Tensor:
        term = self.terms[name]
        if term.rule == "fixed":
            return term.pressure * loss
        if term.rule == "log":
            return term.pressure * loss.clamp_min(_LEAST).log()
        s = self.log_variances[name]
        half = 0.5 if term.kind == "regression" else 1.0
        return term.pressure * (half * torch.exp(-s) * loss + 0.5 * s)

    @torch.no_grad()
    def weights(self, losses: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the weight that each loss has now, d total / d loss, shape () each.

        Weight times loss is the pressure that a run really uses, comparable
        between rules: it is what a relative change of the loss is worth.
        """
        weights = {}
        for name, loss in losses.items():
            term = self.terms[name]
            if term.rule == "fixed":
                weights[name] = torch.full_like(loss, term.pressure)
            elif term.rule == "log":
                weights[name] = term.pressure / loss.clamp_min(_LEAST)
            else:
                half = 0.5 if term.kind == "regression" else 1.0
                weights[name] = term.pressure * half * torch.exp(-self.log_variances[name])
        return weights
