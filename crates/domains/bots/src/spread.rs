//! How scores are spread in a community, and what would have happened at other thresholds: to be seen before they change.
//!
//! Must never change anything.

use std::time::Duration;

use kernel::{Actor, CommunityId, Permission};

use ::store::StoreError;

use crate::{
    Bots, BotsError, ExpectedErrors, Probability, Score, Setting,
    store::{self as tables, score as table},
};

/// How many newly flagged accounts are shown.
const SHOWN: u32 = 20;

/// How far back it is counted who was likely a bot at some time.
const MONTH: Duration = Duration::from_secs(30 * 86_400);

/// How scores are spread.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Histogram {
    /// How many accounts there are in each five per cent; the last has 100 % too.
    pub bins: [u64; 20],
    /// Likely bots.
    pub likely: u64,
    /// Possible ones.
    pub possible: u64,
    /// The others.
    pub unlikely: u64,
    /// Those who are left alone: in the bins, and in none of the three.
    pub exempt: u64,
}

/// What thresholds flag. Of those who are left alone nobody is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flagged {
    /// Likely bots.
    pub likely: u64,
    /// Possible ones.
    pub possible: u64,
    /// Those that were predicted to be likely bots at some time in thirty days, whatever is thought of them now. Where the threshold is
    /// lower than it was, those between were written down only as far as they moved.
    pub in_a_month: u64,
    /// Flagged, and people said that it is a bot.
    pub right: u64,
    /// Flagged, and people said that it is a person.
    pub wrong: u64,
    /// Not flagged, and people said that it is a bot.
    pub missed: u64,
}

/// What would have happened at other thresholds.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct WhatIf {
    /// With the thresholds of now.
    pub now: Flagged,
    /// With the others.
    pub then: Flagged,
    /// The mistakes to expect with the thresholds of now.
    pub errors_now: ExpectedErrors,
    /// Those to expect with the others.
    pub errors_then: ExpectedErrors,
    /// Flagged only then, the surest first, at most 20.
    pub newly: Vec<Score>,
    /// How many that are.
    pub n_newly: u64,
    /// Flagged only now.
    pub n_no_longer: u64,
}

impl Bots {
    /// How the scores of a community are spread.
    pub async fn histogram(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<Histogram, BotsError> {
        actor.require(Permission::ViewMembers, community)?;
        let setting = tables::setting::one(self.db.read(), community).await?;
        let at = [setting.likely, setting.possible];
        let mut all = Histogram::default();
        for (bin, [likely, possible, unlikely, exempt]) in
            table::bins(self.db.read(), community, at).await?
        {
            if let Some(count) = all.bins.get_mut(bin.min(19)) {
                *count += likely + possible + unlikely + exempt;
            }
            all.likely += likely;
            all.possible += possible;
            all.unlikely += unlikely;
            all.exempt += exempt;
        }
        Ok(all)
    }

    /// What would have happened at other thresholds, by the scores and decisions of now and what was predicted in thirty days.
    /// Nothing changes.
    pub async fn what_if(
        &self,
        actor: &Actor,
        community: CommunityId,
        likely: Probability,
        possible: Probability,
    ) -> Result<WhatIf, BotsError> {
        actor.require(Permission::ViewMembers, community)?;
        let now = tables::setting::one(self.db.read(), community).await?;
        let then = Setting {
            likely,
            possible,
            ..now
        };
        then.check()?;
        let n_newly = self.between(community, then.possible, now.possible).await?;
        let measured = self.measured(community).await?;
        Ok(WhatIf {
            now: self.flagged(community, &now).await?,
            then: self.flagged(community, &then).await?,
            errors_now: measured.expected(now.likely, now.possible),
            errors_then: measured.expected(likely, possible),
            newly: self.newly(community, then.possible, now.possible).await?,
            n_newly,
            n_no_longer: self.between(community, now.possible, then.possible).await?,
        })
    }

    async fn flagged(
        &self,
        community: CommunityId,
        setting: &Setting,
    ) -> Result<Flagged, StoreError> {
        let at = [setting.likely, setting.possible];
        let mut all = Flagged::default();
        for (_, [likely, possible, _, _]) in table::bins(self.db.read(), community, at).await? {
            all.likely += likely;
            all.possible += possible;
        }
        let [right, wrong, missed] =
            table::reviewed(self.db.read(), community, setting.possible).await?;
        let since = self.clock.now().minus(MONTH);
        let in_a_month =
            tables::prediction::reached(self.db.read(), community, since, setting.likely).await?;
        Ok(Flagged {
            in_a_month,
            right,
            wrong,
            missed,
            ..all
        })
    }

    /// How many accounts that nobody leaves alone have a probability from one on and below another.
    async fn between(
        &self,
        community: CommunityId,
        least: Probability,
        below: Probability,
    ) -> Result<u64, StoreError> {
        if least >= below {
            return Ok(0);
        }
        table::count_between(self.db.read(), community, (least, below)).await
    }

    async fn newly(
        &self,
        community: CommunityId,
        least: Probability,
        below: Probability,
    ) -> Result<Vec<Score>, StoreError> {
        if least >= below {
            return Ok(Vec::new());
        }
        let rows = table::surest_between(self.db.read(), community, (least, below), SHOWN).await?;
        self.scores_from(community, rows).await
    }
}
