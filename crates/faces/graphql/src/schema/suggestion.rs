//! Accounts that may be one person's, for that person and for moderators.
//!
//! Must never tell one person of another's accounts: services decide what is left out.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use identity::{AccountPair, Party, Sign};
use kernel::{CommunityId, Cursor, PageRequest, UserId};

use super::{
    error::{bad_input, change_refused, refused, viewer},
    paged::{self, Connection},
    scalar::{DateTime, Platform},
};

/// One of two accounts that may be one person's.
#[derive(SimpleObject)]
pub(crate) struct SuggestionParty {
    /// The account's id.
    account_id: ID,
    /// The id of the person whose it is.
    user_id: i32,
    /// Where.
    platform: Platform,
    /// The name it went by last.
    username: String,
    /// Whether its owner signs in here.
    is_claimed: bool,
}

impl From<Party> for SuggestionParty {
    fn from(party: Party) -> Self {
        Self {
            account_id: ID(party.account.to_string()),
            user_id: party.user.0,
            platform: party.platform.into(),
            username: party.username,
            is_claimed: party.is_claimed,
        }
    }
}

/// Something that speaks for or against it.
#[derive(SimpleObject)]
pub(crate) struct SuggestionSign {
    /// Its name, such as `same_handle`.
    kind: &'static str,
    /// What people read.
    sentence: &'static str,
    /// Whether it speaks against it.
    is_against: bool,
}

impl From<Sign> for SuggestionSign {
    fn from(sign: Sign) -> Self {
        Self {
            kind: sign.as_str(),
            sentence: sign.sentence(),
            is_against: sign.is_against(),
        }
    }
}

/// Two accounts that may be one person's.
#[derive(SimpleObject)]
pub(crate) struct Suggestion {
    /// Its id.
    id: ID,
    /// The community where both were seen.
    community_id: i32,
    /// The account with the lower id.
    low: SuggestionParty,
    /// The other one.
    high: SuggestionParty,
    /// How sure it is, in percent: 40 to 95.
    confidence: i32,
    /// Why.
    signs: Vec<SuggestionSign>,
    /// When it was found first.
    found_at: DateTime,
    /// When somebody said that they are not one; null if nobody did.
    dismissed_at: Option<DateTime>,
}

impl From<identity::Suggestion> for Suggestion {
    fn from(suggestion: identity::Suggestion) -> Self {
        Self {
            id: ID(suggestion.id.to_string()),
            community_id: suggestion.community.0,
            low: suggestion.low.into(),
            high: suggestion.high.into(),
            confidence: suggestion.confidence.into(),
            signs: signs(suggestion.signs),
            found_at: DateTime(suggestion.found_at),
            dismissed_at: suggestion.unlike.map(|unlike| DateTime(unlike.at)),
        }
    }
}

fn signs(signs: Vec<Sign>) -> Vec<SuggestionSign> {
    signs.into_iter().map(SuggestionSign::from).collect()
}

/// An account that may be one's own.
#[derive(SimpleObject)]
pub(crate) struct OwnSuggestion {
    /// The id of one of the two accounts; both are needed to dismiss it.
    low_account_id: ID,
    /// The id of the other one.
    high_account_id: ID,
    /// Where the other one is.
    platform: Platform,
    /// What it is called there.
    username: String,
    /// Where one's own is that it looks like.
    own_platform: Platform,
    /// What that is called.
    own_username: String,
    /// What speaks for it.
    signs: Vec<SuggestionSign>,
    /// Whether one said that it is not.
    is_dismissed: bool,
}

impl From<identity::OwnSuggestion> for OwnSuggestion {
    fn from(own: identity::OwnSuggestion) -> Self {
        Self {
            low_account_id: ID(own.pair.low().to_string()),
            high_account_id: ID(own.pair.high().to_string()),
            platform: own.platform.into(),
            username: own.username,
            own_platform: own.own_platform.into(),
            own_username: own.own_username,
            signs: signs(own.signs),
            is_dismissed: own.is_dismissed,
        }
    }
}

/// A page of a community's pairs.
pub(crate) async fn page(
    ctx: &Context<'_>,
    community: CommunityId,
    dismissed: bool,
    request: &PageRequest,
) -> Result<Connection<Suggestion>> {
    let viewer = viewer(ctx)?;
    let identity = &viewer.app().identity;
    let found = identity
        .suggestions(viewer.actor(), community, dismissed, request)
        .await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    let cursor = |pair: &identity::Suggestion| Cursor {
        key: pair.confidence.to_string(),
        id: pair.id,
    };
    paged::connect(ctx, request, found, cursor, Suggestion::from)
}

/// The pairs of one person in a community.
pub(crate) async fn of_member(
    ctx: &Context<'_>,
    community: CommunityId,
    user: UserId,
) -> Result<Vec<Suggestion>> {
    let viewer = viewer(ctx)?;
    let identity = &viewer.app().identity;
    let found = identity
        .suggestions_of(viewer.actor(), community, user)
        .await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    viewer.spend(ctx, found.len())?;
    Ok(found.into_iter().map(Suggestion::from).collect())
}

/// The surest pairs of the whole instance.
pub(crate) async fn everywhere(ctx: &Context<'_>) -> Result<Vec<Suggestion>> {
    let viewer = viewer(ctx)?;
    let identity = &viewer.app().identity;
    let found = identity.all_suggestions(viewer.actor()).await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    viewer.spend(ctx, found.len())?;
    Ok(found.into_iter().map(Suggestion::from).collect())
}

/// Accounts that may be the viewer's.
pub(crate) async fn own(ctx: &Context<'_>) -> Result<Vec<OwnSuggestion>> {
    let viewer = viewer(ctx)?;
    let identity = &viewer.app().identity;
    let found = identity.own_suggestions(viewer.actor()).await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    viewer.spend(ctx, found.len())?;
    Ok(found.into_iter().map(OwnSuggestion::from).collect())
}

fn pair(one: &ID, other: &ID) -> Result<AccountPair> {
    let read = |id: &ID| {
        id.parse()
            .map_err(|_not_a_number| bad_input("this is not the id of an account"))
    };
    Ok(AccountPair::new(read(one)?, read(other)?))
}

/// Changes to what was suggested.
#[derive(Default)]
pub(crate) struct SuggestionMutation;

#[Object]
impl SuggestionMutation {
    /// Says for a community's moderators that two accounts are not one person's. Needs the role of a
    /// moderator.
    async fn dismiss_suggestion(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "The id of one account.")] low_account_id: ID,
        #[graphql(desc = "The id of the other one.")] high_account_id: ID,
    ) -> Result<bool> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let (community, pair) = (
            CommunityId(community_id),
            pair(&low_account_id, &high_account_id)?,
        );
        let identity = &viewer.app().identity;
        let done = identity
            .dismiss_suggestion(viewer.actor(), community, pair)
            .await;
        done.map_err(|cause| change_refused(viewer, &cause.into()))?;
        Ok(true)
    }

    /// Takes back what a community's moderators said of two accounts. Needs the role of a moderator.
    async fn restore_suggestion(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "The id of one account.")] low_account_id: ID,
        #[graphql(desc = "The id of the other one.")] high_account_id: ID,
    ) -> Result<bool> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let (community, pair) = (
            CommunityId(community_id),
            pair(&low_account_id, &high_account_id)?,
        );
        let identity = &viewer.app().identity;
        let done = identity
            .restore_suggestion(viewer.actor(), community, pair)
            .await;
        done.map_err(|cause| change_refused(viewer, &cause.into()))?;
        Ok(true)
    }

    /// Says that an account is not one's own, for oneself only.
    async fn dismiss_own_suggestion(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of one account.")] low_account_id: ID,
        #[graphql(desc = "The id of the other one.")] high_account_id: ID,
    ) -> Result<bool> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let pair = pair(&low_account_id, &high_account_id)?;
        let identity = &viewer.app().identity;
        let done = identity.dismiss_own_suggestion(viewer.actor(), pair).await;
        done.map_err(|cause| change_refused(viewer, &cause.into()))?;
        Ok(true)
    }

    /// Takes back that an account is not one's own.
    async fn restore_own_suggestion(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of one account.")] low_account_id: ID,
        #[graphql(desc = "The id of the other one.")] high_account_id: ID,
    ) -> Result<bool> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let pair = pair(&low_account_id, &high_account_id)?;
        let identity = &viewer.app().identity;
        let done = identity.restore_own_suggestion(viewer.actor(), pair).await;
        done.map_err(|cause| change_refused(viewer, &cause.into()))?;
        Ok(true)
    }
}
