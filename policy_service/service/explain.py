"""The Explain use case: decide as Check does, and keep how each gate came to it.

It is for systems whose grant has `may_explain`: an explanation tells what a denial hides. Any other system
gets the one answer for what is not to be told, without a question, as for everything else that it is not
granted. The call leaves one entry, of this method, like a check's; nothing may be shown or sent by it, so
no task comes of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.gather.clock import Moment
from policy_service.facts.view import FactsView, TooManyFacts
from policy_service.model.caller import Caller
from policy_service.model.decision import Decision
from policy_service.model.question import CheckCall
from policy_service.service.check import CheckService
from policy_service.service.decide import TOO_MANY_FACTS, Steps, decide_in_steps
from policy_service.service.decided import Decided
from policy_service.service.explaining import ExplainedQuestion, Notebook
from policy_service.service.policies import PublishedPolicies
from policy_service.service.withheld import not_granted

METHOD = "DecisionService/Explain"


@dataclass(frozen=True, slots=True)
class Explained:
    """What Check would answer, and why. `truncated`: more questions were asked than are here."""

    decision: Decision
    questions: tuple[ExplainedQuestion, ...] = ()
    truncated: bool = False


class ExplainService:
    """Rests on the checks of the same process, and like them lives on its event loop."""

    def __init__(self, checks: CheckService) -> None:
        self._checks = checks

    async def explain(self, authorization: str, call: CheckCall) -> Explained:
        """Explain `call`, durable and valid like a check; raises what `CheckService.check` raises."""
        explaining = _Explaining()
        pending = await self._checks.committed(authorization, call, METHOD, explaining.steps)
        notebook = explaining.notebook
        if notebook is None or not pending.fits:
            return Explained(pending.decision)
        return Explained(pending.decision, notebook.questions, notebook.truncated)


def explained_in_steps(
    view: FactsView,
    policies: PublishedPolicies,
    fingerprints: Fingerprinter,
    caller: Caller,
    call: CheckCall,
    moment: Moment,
) -> Steps:
    """As `decide_in_steps`, the decision that an explanation leaves in its entry."""
    return _Explaining().steps(view, policies, fingerprints, caller, call, moment)


class _Explaining:
    """Decides with a notebook, a new one each time: what moved in between is not to be explained."""

    def __init__(self) -> None:
        self.notebook: Notebook | None = None

    def steps(
        self,
        view: FactsView,
        policies: PublishedPolicies,
        fingerprints: Fingerprinter,
        caller: Caller,
        call: CheckCall,
        moment: Moment,
    ) -> Steps:
        """`decide_in_steps`, heard by a notebook."""
        self.notebook = None
        system = view.system(caller.controller, caller.system)
        if system is None or not system.may_explain:
            return not_granted(call, policies, "may_not_explain")
        notebook = self.notebook = Notebook(policies.plan, fingerprints)
        decided = yield from decide_in_steps(
            view, policies, fingerprints, caller, call, moment, notes=notebook
        )
        try:
            yield from notebook.explain()
        except TooManyFacts:
            self.notebook = None
            return not_granted(call, policies, TOO_MANY_FACTS)
        return Decided(decided.decision, replace(decided.trace, tasks=()))
