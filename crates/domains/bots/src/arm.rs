//! Who judges a community while something is tried: the new model of a rollout, or the rules or a model of an experiment.
//! Communities are drawn by a hash and the draw is stored, so that nobody changes sides because a number changed.
//!
//! Must never draw a community that has a model of its own: what it decided for itself stays.

use ::store::StoreError;
use kernel::CommunityId;
use sea_orm::ConnectionTrait;

use crate::{lot, store::arm as table};

/// What an experiment is between.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum BotArm {
    /// The rules alone.
    Rules,
    /// The model.
    Model,
}

impl BotArm {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Rules, Self::Model];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Model => "model",
        }
    }
}

/// What assigns communities.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Run {
    /// A rollout: the deployed model or the new one.
    Rollout(i32),
    /// An experiment: the rules or a model.
    Experiment(i32),
}

impl Run {
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Rollout(_) => 1,
            Self::Experiment(_) => 2,
        }
    }

    pub(crate) const fn id(self) -> i32 {
        match self {
            Self::Rollout(id) | Self::Experiment(id) => id,
        }
    }
}

/// Who judges a community because of what is tried now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Chosen {
    /// The rules alone.
    Rules,
    /// A model of the registry.
    Model(i32),
}

/// Who judges which communities because of a rollout or an experiment; all others are judged as usual. One statement.
pub(crate) async fn chosen(
    conn: &impl ConnectionTrait,
) -> Result<Vec<(CommunityId, Chosen)>, StoreError> {
    let sides = table::running(conn).await?;
    let choice = |side: table::Side| {
        let chosen = match (side.is_experiment, side.is_second, side.model) {
            (true, false, _) => Chosen::Rules,
            // Of the second side a rollout's new model, or the one that an experiment names.
            (_, true, Some(model)) => Chosen::Model(model),
            _ => return None,
        };
        Some((side.community, chosen))
    };
    Ok(sides.into_iter().filter_map(choice).collect())
}

/// The lot of a community in a run, 0 to 99: the same each time, another one in another run.
pub(crate) fn lot(run: Run, community: CommunityId) -> u8 {
    let (code, id) = (run.code().to_le_bytes(), run.id().to_le_bytes());
    let drawn = lot::lot([code.as_slice(), &id, &community.0.to_le_bytes()]);
    u8::try_from(drawn % 100).unwrap_or(0)
}

/// Who is on the second side, for a share in percent: those whose lots are below it. However few there are, somebody is on
/// each side as long as two can be told apart: with nobody on one, nothing would be seen before everybody has it. Whoever is
/// on the second side stays there when the share grows.
pub(crate) fn sides(mut lots: Vec<(CommunityId, u8)>, share: u32) -> Vec<(CommunityId, bool)> {
    lots.sort_unstable_by_key(|(community, lot)| (*lot, community.0));
    let below = lots.iter().filter(|(_, lot)| u32::from(*lot) < share);
    let most = match share {
        0 => 0,
        1..100 => lots.len().saturating_sub(1),
        _ => lots.len(),
    };
    let least = usize::from(share > 0).min(most);
    let n = below.count().clamp(least, most);
    let side = |(nth, (community, _)): (usize, (CommunityId, u8))| (community, nth < n);
    lots.into_iter().enumerate().map(side).collect()
}

/// Who is on the second side of an experiment: half of those that are drawn, by their lots; of an odd number the first side has one
/// more.
pub(crate) fn halves(mut lots: Vec<(CommunityId, u8)>) -> Vec<(CommunityId, bool)> {
    lots.sort_unstable_by_key(|(community, lot)| (*lot, community.0));
    let half = lots.len() / 2;
    let side = |(nth, (community, _)): (usize, (CommunityId, u8))| (community, nth < half);
    lots.into_iter().enumerate().map(side).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lots_are_fair_stay_and_differ_between_runs() {
        let below = |run: Run, share: u8| {
            let drawn = (1..=10_000).filter(|id| lot(run, CommunityId(*id)) < share);
            drawn.collect::<Vec<i32>>()
        };
        let (one, other) = (Run::Rollout(1), Run::Rollout(2));
        for share in [10, 50] {
            let n = below(one, share).len();
            let wanted = usize::from(share) * 100;
            assert!(n.abs_diff(wanted) < 200, "{n} of {wanted}");
        }
        assert_eq!(below(one, 10), below(one, 10));
        assert_ne!(below(one, 10), below(other, 10));
        assert_ne!(below(one, 10), below(Run::Experiment(1), 10));
        let half = below(one, 50);
        assert!(
            below(one, 10).iter().all(|id| half.contains(id)),
            "whoever has it keeps it"
        );
    }

    #[test]
    fn an_experiment_has_half_of_the_communities_on_each_side_however_the_lots_fall() {
        let second = |lots: &[u8]| {
            let lots = lots
                .iter()
                .zip(1..)
                .map(|(lot, id)| (CommunityId(id), *lot));
            let sides = halves(lots.collect()).into_iter();
            let second = sides.filter(|(_, is_second)| *is_second);
            second
                .map(|(community, _)| community.0)
                .collect::<Vec<i32>>()
        };
        assert_eq!(second(&[70, 30, 50, 90]), [2, 3]);
        assert_eq!(second(&[1, 2, 3]), [1]);
        assert_eq!(second(&[1]), [0_i32; 0]);
    }

    #[test]
    fn few_communities_are_on_both_sides_and_nobody_goes_back() {
        let second = |lots: &[u8], share: u32| {
            let lots = lots
                .iter()
                .zip(1..)
                .map(|(lot, id)| (CommunityId(id), *lot));
            let sides = sides(lots.collect(), share);
            let mut second: Vec<i32> = sides
                .into_iter()
                .filter_map(|(community, is_second)| is_second.then_some(community.0))
                .collect();
            second.sort_unstable();
            second
        };
        assert_eq!(second(&[70, 30, 50, 90], 10), [2], "nobody's lot is below");
        assert_eq!(second(&[70, 30, 50, 90], 50), [2]);
        assert_eq!(second(&[70, 30, 50, 90], 60), [2, 3]);
        assert_eq!(second(&[70, 30, 50, 90], 100), [1, 2, 3, 4]);
        assert_eq!(
            second(&[3, 1, 2], 10),
            [2, 3],
            "somebody keeps the one before"
        );
        assert_eq!(second(&[3, 1, 2], 0), [0_i32; 0]);
        assert_eq!(second(&[5], 10), [0_i32; 0], "one cannot be on both sides");
        assert_eq!(second(&[5], 100), [1]);
        assert_eq!(second(&[], 50), [0_i32; 0]);
    }
}
