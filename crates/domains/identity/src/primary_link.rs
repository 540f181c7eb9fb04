//! Which of their linked accounts stands for a person: it comes first on their profile, and its
//! picture is theirs. Nothing else hangs on it; the list in which one chooses stays in its order.
//!
//! A choice goes with its link when that is unlinked. A merge leaves the kept person's choice as it
//! is; the other one's counts again when the merge is undone.

use kernel::{Actor, LinkId};
use store::audit::Entry;

use crate::{
    Identity, IdentityError,
    store::{self as tables, primary_link as table},
};

impl Identity {
    /// Chooses which of one's own linked accounts comes first; `None` takes the choice back. The same
    /// again changes nothing.
    pub async fn choose_primary_link(
        &self,
        actor: &Actor,
        link: Option<LinkId>,
    ) -> Result<(), IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        // So that it is not unlinked or given to somebody else at the same moment.
        if !tables::user::lock(work.conn(), user).await? {
            return Err(IdentityError::NotFound);
        }
        let links = tables::link::of_user(work.conn(), user).await?;
        let before = links.iter().find(|mine| mine.is_primary);
        let wanted = match link {
            Some(id) => {
                let found = links.iter().find(|mine| mine.id == id);
                Some(found.ok_or(IdentityError::NotFound)?)
            }
            None => None,
        };
        if before.map(|before| before.id) == link {
            return Ok(());
        }
        match wanted {
            Some(wanted) => table::put(work.conn(), user, wanted.id, work.now()).await?,
            None => table::delete(work.conn(), user).await?,
        }
        work.audit(Entry {
            action: "account.primary",
            object: format!("user:{user}"),
            community: None,
            detail: serde_json::json!({ "provider": wanted.map(|wanted| &wanted.provider) }),
        });
        Ok(work.commit().await?)
    }
}
