//! A spammer's career, the same in history and live: arrival, a burst, removal. Must always end with
//! the removal.

use kernel::event::ModerationAction;

use crate::{
    dice::Dice,
    phrases::Move,
    roster::{Present, Roster},
    script::Act,
};

/// One step of a spammer's short career.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpamStep {
    /// Microseconds after the first step.
    pub(crate) after: i64,
    /// The room, before wrapping around the place's rooms.
    pub(crate) channel: usize,
    /// What happens.
    pub(crate) act: Act,
}

/// A spammer's career: arrival, a burst, sometimes a measure that does not help, removal.
pub(crate) fn spam_steps(
    present: &Present,
    moderators: &[usize],
    dice: &mut Dice,
) -> Vec<SpamStep> {
    let mut steps = Vec::new();
    let mut after = 0;
    let mut add = |after, channel, act| {
        steps.push(SpamStep {
            after,
            channel,
            act,
        });
    };
    add(after, 0, Act::Arrive);
    after += dice.micros(20, 400);
    for channel in 0..present.messages {
        add(
            after,
            usize::try_from(channel).unwrap_or(0),
            Act::Speak(Move::Spam),
        );
        after += dice.micros(2, 15);
    }
    let by = dice
        .pick(moderators)
        .copied()
        .unwrap_or(Roster::BROADCASTER);
    let first = match dice.below(10) {
        0 | 1 => Some(ModerationAction::Warn),
        2..=4 => Some(ModerationAction::Timeout),
        _ => None,
    };
    after += dice.micros(60, 500);
    if let Some(action) = first {
        add(after, 0, Act::Moderated { by, action });
        after += dice.micros(30, 240);
        add(after, 1, Act::Speak(Move::Spam));
        after += dice.micros(30, 240);
    }
    let action = if dice.chance(150) {
        ModerationAction::Kick
    } else {
        ModerationAction::Ban
    };
    add(after, 0, Act::Moderated { by, action });
    steps
}
