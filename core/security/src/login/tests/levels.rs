//! Every level against everything that asks for one.

use super::super::{Level, LevelRefused, Needed, STEP_UP_VALID, SensitiveAction, permits, reaches};
use super::{NOW, at};
use aitrading_model::Timestamp;

#[test]
fn t30_every_level_against_every_need() {
    let fresh = Level::stepped_up(NOW);
    let table = [
        (Level::Password, Needed::Password, Ok(())),
        (Level::Password, Needed::SecondFactor, Err(LevelRefused::NeedsSecondFactor)),
        (Level::Password, Needed::StepUp, Err(LevelRefused::NeedsStepUp)),
        (Level::SecondFactor, Needed::Password, Ok(())),
        (Level::SecondFactor, Needed::SecondFactor, Ok(())),
        (Level::SecondFactor, Needed::StepUp, Err(LevelRefused::NeedsStepUp)),
        (fresh, Needed::Password, Ok(())),
        (fresh, Needed::SecondFactor, Ok(())),
        (fresh, Needed::StepUp, Ok(())),
    ];
    for (level, needed, wanted) in table {
        assert_eq!(reaches(level, needed, NOW), wanted, "{level:?} for {needed:?}");
    }
}

#[test]
fn t30_sensitive_actions_are_permitted_to_a_fresh_proof_alone() {
    for action in SensitiveAction::ALL {
        assert_eq!(permits(Level::Password, action, NOW), Err(LevelRefused::NeedsStepUp), "{action:?}");
        assert_eq!(permits(Level::SecondFactor, action, NOW), Err(LevelRefused::NeedsStepUp), "{action:?}");
        assert_eq!(permits(Level::stepped_up(NOW), action, NOW), Ok(()), "{action:?}");
        assert_eq!(permits(Level::stepped_up(NOW), action, at(300)), Err(LevelRefused::StepUpOver), "{action:?}");
    }
}

#[test]
fn t30_fresh_proof_lasts_five_minutes_and_no_clock_makes_it_longer() {
    let fresh = Level::stepped_up(NOW);
    assert_eq!(STEP_UP_VALID.as_secs(), 300);
    for (now, wanted) in [(at(299), Ok(())), (at(300), Err(LevelRefused::StepUpOver))] {
        assert_eq!(reaches(fresh, Needed::StepUp, now), wanted);
    }
    // The clock went back, or somebody made the level by hand.
    assert_eq!(reaches(fresh, Needed::StepUp, at(-1)), Err(LevelRefused::StepUpOver));
    let forever = Level::StepUp { until: Timestamp(i64::MAX) };
    assert_eq!(reaches(forever, Needed::StepUp, NOW), Err(LevelRefused::StepUpOver));
    assert_eq!(reaches(forever, Needed::SecondFactor, NOW), Ok(()), "what was proved before stays proved");
}
