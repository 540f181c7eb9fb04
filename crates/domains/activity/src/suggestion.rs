//! Finding people who may be one: goes through the names that several accounts have, tells identity
//! where everybody was seen, and lets it judge. The rule and the rows are identity's.

use identity::Namesakes;
use kernel::Actor;

use crate::{Activity, ActivityError, store as tables};

impl Activity {
    /// Finds the pairs of accounts that may be one person's anew; answers how many there are, each
    /// counted in every community. Run by a job, each night. In small transactions, so that chat is
    /// written in between; what a run that broke off left is put right by the next one.
    pub async fn find_suggestions(&self) -> Result<u64, ActivityError> {
        let actor = Actor::System("suggestions");
        let run = self.clock.now();
        let mut last = 0;
        loop {
            let work = self.db.begin(&actor, run).await?;
            let done = identity::renew_names(&work, last).await?;
            work.commit().await?;
            match done {
                Some(account) => last = account,
                None => break,
            }
        }
        let mut name = String::new();
        let mut found = 0;
        loop {
            let work = self.db.begin(&actor, run).await?;
            let Some(namesakes) = Namesakes::after(&work, &name).await? else {
                break;
            };
            let seen = tables::member::places(work.conn(), &namesakes.people()).await?;
            found += namesakes.suggest(&work, &seen, run).await?;
            work.commit().await?;
            namesakes.last().clone_into(&mut name);
        }
        let work = self.db.begin(&actor, run).await?;
        identity::forget_suggestions(&work, run).await?;
        work.commit().await?;
        Ok(found)
    }
}
