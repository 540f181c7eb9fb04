//! Who people are and where they belong: users, platform accounts, communities with their connected
//! servers and the rights to act there, memberships with roles, sessions and sign-in.
//!
//! Invariants: a platform account belongs to exactly one user; a community has at least one owner
//! once it had one; only hashes of passwords and of our
//! tokens are stored, tokens of platforms are sealed; everything that changes a right
//! is audited in the same transaction. Must never know: HTTP, cookies, HTML, a platform's wire
//! format, messages.

mod account;
mod api_key;
mod chat_code;
mod community;
mod confirm;
mod connection;
mod email;
mod erasure;
mod error;
mod events;
mod export;
mod grants;
mod link;
mod link_refresh;
mod linked_role;
mod membership;
mod merge;
mod notice;
mod oauth_state;
mod ownership;
mod passkey;
mod password;
mod personal;
mod primary_link;
mod profile;
mod repeat;
mod reputation;
mod second_factor;
mod session;
mod setup;
mod store;
mod suggestion;
mod throttle;
mod token;
mod tombstone;
mod totp;
mod typed_code;
mod user;
mod verification;
mod visibility;

use std::sync::{Arc, OnceLock};

use kernel::{Clock, Entropy};
use tokio::sync::Semaphore;

pub use account::{
    PlatformAccount, Renamed, Resolution, Resolved, SeenAccount, accounts_by_id, accounts_called,
    accounts_named, accounts_of, accounts_with_others, rename, resolve,
};
pub use api_key::{
    ApiKey, KEY_DAYS_MAX, KEY_PREFIX, KEYS_MAX, KeyHolder, KeyScope, MadeApiKey, NewApiKey,
};
pub use community::{
    Community, CommunityChange, LiveRules, NewCommunity, NewServer, Server, live_rules,
};
pub use confirm::Confirmation;
pub use connection::{
    CHANGES as CONNECTION_CHANGES, Connection, ConnectionStatus, Install, hearing_of_moderation,
};
pub use email::{EmailLetter, EmailReason, EmailStatus};
pub use erasure::Erasure;
pub use error::IdentityError;
pub use events::{
    COMMUNITY_CREATED, COMMUNITY_UPDATED, PERSON_ERASED, PERSON_MERGED, PERSON_UNMERGED,
    ROLE_CHANGED, SERVER_CONNECTED, SERVER_DISCONNECTED,
};
pub use export::{DataExport, EXPORT_JOB, ExportState};
pub use grants::{Seals, StoredGrants};
pub use link::{FreshLink, Link, Unlinked, fresh_links};
pub use link_refresh::{LinkTokens, RefreshLease};
pub use linked_role::{DueRole, DueRoles, LinkedRole, ROLES_JOB, RoleOutcome, RoleState};
pub use membership::{moderators_of, roles_among};
pub(crate) use merge::memento;
pub use merge::{
    Follower, Merge, MergeCard, MergeConsent, MergeOrigin, MergePreview, MergeSide, MergeState,
    RoleJoined,
};
pub use notice::{NOTICE_JOB, Notice, NoticeLetter, tell_admins};
pub use oauth_state::{Arrival, Intent, Seat, Trip};
pub use ownership::{hold_owners, let_batches_end, no_batch_is_open};
pub use passkey::{PASSKEYS_MAX, Passkey, PasskeyAnswer, PasskeyQuestion, PasskeySite};
pub use personal::PERSONAL;
pub use profile::{Eyes, Profile, ProfileChange, ProfileView, Who};
pub use repeat::{FirstRequest, KeptAnswer, Repeat, Repeatable};
pub use reputation::{
    AccountShare, Adjustment, Badge, BadgeKind, Effect, Facts, History, Reason, ReputationChange,
    Score, Standing, Tier, WeightSetting, Weights, adjust, aggregate, apply, at_risk, badges,
    bounds, charge_command, effect, facts, global, globals, history, leaders, of_person, scores,
    scores_of, weight,
};
pub use second_factor::{AwaitedCode, Entered, SecondFactor, TotpSetup};
pub use session::{Authenticated, ClientInfo, NewSession, Session};
pub use setup::NewAccount;
pub use suggestion::{
    AccountPair, Namesakes, OwnSuggestion, Party, Sign, Suggestion, Unlike, forget_suggestions,
    renew_names,
};
pub use tombstone::erased;
pub use user::User;
pub use verification::Verification;
pub use visibility::{Audience, Consent, Facet, Owner, Visibility, may_see};

/// How many password hashes may be computed at once; each takes 19 MiB and a core for about 20 ms.
const HASHING_AT_ONCE: usize = 2;

/// The identity service. Cheap to clone.
#[derive(Clone)]
pub struct Identity {
    db: ::store::Db,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    keys: ::store::KeyRing,
    hashing: Arc<Semaphore>,
    followers: Arc<[Arc<dyn Follower>]>,
    is_open: bool,
    passkeys: Result<PasskeySite, &'static str>,
    /// With which tombstones are made, once it was read.
    grave_key: Arc<OnceLock<tombstone::GraveKey>>,
    /// Provider and scope of those that are told what roles may depend on.
    role_scopes: Arc<[(String, String)]>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl Identity {
    /// The service over a migrated database; `keys` seal the tokens of platforms.
    pub fn new(
        db: ::store::Db,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        keys: ::store::KeyRing,
    ) -> Self {
        Self {
            db,
            clock,
            entropy,
            keys,
            hashing: Arc::new(Semaphore::new(HASHING_AT_ONCE)),
            followers: Arc::default(),
            is_open: false,
            passkeys: Err(passkey::NOT_SET_UP),
            grave_key: Arc::default(),
            role_scopes: Arc::default(),
        }
    }

    /// With the rows of other domains that follow when an account is linked to somebody.
    #[must_use]
    pub fn with_followers(mut self, followers: Vec<Arc<dyn Follower>>) -> Self {
        self.followers = followers.into();
        self
    }

    /// With the site to which browsers bind passkeys, or why there is none.
    #[must_use]
    pub fn with_passkeys(mut self, site: Result<PasskeySite, &'static str>) -> Self {
        self.passkeys = site;
        self
    }

    /// With the providers that are told what roles there may depend on, and the scope with which
    /// people allow it.
    #[must_use]
    pub fn with_role_scopes(mut self, scopes: Vec<(String, String)>) -> Self {
        self.role_scopes = scopes.into();
        self
    }

    /// Whether people whom nobody knows may become users by signing in with a provider.
    #[must_use]
    pub const fn with_registration(mut self, is_open: bool) -> Self {
        self.is_open = is_open;
        self
    }
}
