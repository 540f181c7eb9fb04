//! First-run set-up: a one-time token printed by the program lets exactly one person become the
//! first instance administrator. Nobody becomes one by registering.

use std::time::Duration;

use kernel::{Actor, Permission, Secret, UserId};
use store::audit::Entry;

use crate::{
    ClientInfo, Identity, IdentityError, NewSession, password, store as tables,
    token::{self, Purpose},
    user,
};

/// The data of a person who signs in with a password.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Shown name.
    pub display_name: String,
    /// Address to sign in with.
    pub email: String,
    /// At least 10 characters.
    pub password: Secret<String>,
}

impl Identity {
    /// Whether no instance administrator exists yet.
    pub async fn needs_setup(&self) -> Result<bool, IdentityError> {
        Ok(tables::user::count_instance_admins(self.db.read()).await? == 0)
    }

    /// Makes the set-up token, valid for an hour; earlier ones become void. Refused once set up.
    pub async fn issue_setup_token(&self) -> Result<Secret<String>, IdentityError> {
        let now = self.clock.now();
        let work = self.db.begin(&Actor::System("setup"), now).await?;
        if tables::user::count_instance_admins(work.conn()).await? > 0 {
            return Err(IdentityError::Conflict(
                "this instance is set up already".to_owned(),
            ));
        }
        let token = token::fresh(&*self.entropy);
        tables::session::void_tokens(work.conn(), Purpose::Setup.code(), now).await?;
        let expires = now.plus(Duration::from_secs(Purpose::Setup.lifetime_secs()));
        tables::session::put_token(
            work.conn(),
            &token::digest(token.expose()),
            Purpose::Setup.code(),
            None,
            expires,
        )
        .await?;
        work.commit().await?;
        Ok(token)
    }

    /// Uses the set-up token: makes the first administrator and signs them in.
    pub async fn set_up(
        &self,
        token: &str,
        account: &NewAccount,
        client: &ClientInfo,
    ) -> Result<NewSession, IdentityError> {
        // Hashing a password is dear, and anybody may call this.
        if !self.needs_setup().await? {
            return Err(IdentityError::TokenInvalid);
        }
        let prepared = self.prepare(account).await?;
        let now = self.clock.now();
        let mut work = self.db.begin(&Actor::System("setup"), now).await?;
        let used = tables::session::use_token(
            work.conn(),
            &token::digest(token),
            Purpose::Setup.code(),
            now,
        )
        .await?;
        if used.is_none() || tables::user::count_instance_admins(work.conn()).await? > 0 {
            return Err(IdentityError::TokenInvalid);
        }
        let id = insert_admin(&mut work, &prepared).await?;
        self.begin_session(work, id, client, "setup").await
    }

    /// Makes an instance administrator. For the command line over the local database.
    pub async fn create_admin(
        &self,
        actor: &Actor,
        account: &NewAccount,
    ) -> Result<UserId, IdentityError> {
        actor.require_instance(Permission::OperateInstance)?;
        let prepared = self.prepare(account).await?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        let id = insert_admin(&mut work, &prepared).await?;
        work.commit().await?;
        Ok(id)
    }

    async fn prepare(&self, account: &NewAccount) -> Result<Prepared, IdentityError> {
        let name = user::check_name(&account.display_name)?;
        let (email, folded) = user::check_email(&account.email)?;
        user::check_password(&account.password, &folded)?;
        let hash = password::hash(&self.hashing, &*self.entropy, &account.password).await?;
        Ok(Prepared {
            name,
            email,
            folded,
            hash,
        })
    }
}

struct Prepared {
    name: String,
    email: String,
    folded: String,
    hash: Secret<String>,
}

async fn insert_admin(work: &mut store::Work, account: &Prepared) -> Result<UserId, IdentityError> {
    if tables::user::credentials_by_email(work.conn(), &account.folded)
        .await?
        .is_some()
    {
        return Err(IdentityError::invalid(
            "email",
            "somebody uses this address already",
        ));
    }
    let id = tables::user::insert_claimed(
        work.conn(),
        &account.name,
        &account.email,
        &account.folded,
        &account.hash,
        work.now(),
    )
    .await?;
    work.audit(Entry {
        action: "user.admin.create",
        object: format!("user:{id}"),
        community: None,
        detail: serde_json::json!({}),
    });
    Ok(id)
}
