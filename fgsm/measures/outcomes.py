"""What becomes of an attacked face: four outcomes, told apart in one place for everybody who counts or draws them."""

from ..attacks import Aim

RECOGNISED, OTHER, TARGET, UNKNOWN = "recognised", "other", "target", "unknown"


def outcome_of(aim: Aim, predicted: int, unknown: int | None) -> str:
    """What becomes of a face attacked with `aim` that is taken for class index `predicted`.

    `unknown` is the class index of faces that are nobody's, None where there is none. RECOGNISED: still taken for
    whoever was attacked. TARGET: taken for whom the attack aims at. UNKNOWN: taken for nobody. OTHER: for anybody else.
    """
    if predicted == aim.target:
        return TARGET
    if predicted == unknown:
        return UNKNOWN
    return RECOGNISED if predicted == aim.attacked else OTHER


def verdict_key(aim: Aim, predicted: int, unknown: int | None, epsilon: float) -> str:
    """Which sentence says so: a key of texts behind "verdict."."""
    outcome = outcome_of(aim, predicted, unknown)
    if outcome == UNKNOWN:
        if epsilon == 0:
            return "unknown_unchanged"
        return "unknown_stranger" if aim.attacked == unknown else "unknown"
    if outcome == RECOGNISED:
        return "still" if epsilon > 0 else "unchanged"
    if aim.attacked == unknown:
        return "let_in"
    return "taken" if epsilon > 0 else "taken_unchanged"
