//! Answering a command that was picked instead of typed. What is typed is a message, which is recorded
//! and costs its writer something; what is picked is none, so it costs with its answer: in one
//! transaction, and once however often the platform hands it over.

use delivery::{DeliveryError, NewDelivery};
use identity::SeenAccount;
use kernel::Actor;
use store::Reach;

use crate::App;

impl App {
    /// Queues the answer to a command that an account picked, and takes what a command costs off its
    /// score if the answer's key is new.
    pub async fn answer_to(
        &self,
        actor: &Actor,
        who: &SeenAccount,
        answer: NewDelivery,
    ) -> Result<(), DeliveryError> {
        let community = answer.community;
        let work = self.db.begin(actor, self.clock.now()).await?;
        let mut work = work.reaching(Reach::Nothing);
        if self
            .deliveries
            .post_once_in(actor, &mut work, answer)
            .await?
        {
            identity::charge_command(&work, community, who).await?;
        }
        Ok(work.commit().await?)
    }
}
