//! What others may see of oneself, one's data as a file, and being erased.
//!
//! Must never show any of this to anybody but the person it is about.

use async_graphql::{Context, Enum, InputObject, Object, Result, SimpleObject};
use identity::Facet;

use super::{
    error::{change_refused, refused, viewer},
    scalar::{DateTime, Platform},
};

/// Who may see something.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "identity::Audience")]
pub(crate) enum Audience {
    /// Its owner only.
    Nobody,
    /// Who belongs to a community that its owner belongs to as well.
    Community,
    /// Everybody, also without signing in.
    Everyone,
}

/// Who may see what of a person on one platform.
#[derive(SimpleObject)]
pub(crate) struct Visibility {
    /// Where.
    platform: Platform,
    /// That they are here, their name, handle and words about themselves.
    profile: Audience,
    /// How much and when they wrote.
    activity: Audience,
    /// What others think of them.
    reputation: Audience,
    /// Where they belong.
    communities: Audience,
}

/// Who is to see what on one platform; what is left out stays as it is.
#[derive(InputObject)]
pub(crate) struct VisibilityInput {
    /// Where.
    platform: Platform,
    /// That they are here, their name, handle and words about themselves.
    profile: Option<Audience>,
    /// How much and when they wrote.
    activity: Option<Audience>,
    /// What others think of them.
    reputation: Option<Audience>,
    /// Where they belong.
    communities: Option<Audience>,
}

/// One line of the log of what a person agreed to.
#[derive(SimpleObject)]
pub(crate) struct Consent {
    /// About what, such as `discord.profile`.
    subject: String,
    /// What was decided before.
    before: String,
    /// What was decided.
    after: String,
    /// When.
    at: DateTime,
    /// The network it was decided from; empty if that is unknown.
    network: String,
}

impl From<identity::Consent> for Consent {
    fn from(consent: identity::Consent) -> Self {
        Self {
            subject: consent.subject,
            before: consent.before,
            after: consent.after,
            at: DateTime(consent.at),
            network: consent.address_prefix,
        }
    }
}

/// Where a file with a person's data is in its life.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "identity::ExportState")]
pub(crate) enum DataExportState {
    /// Being made.
    Asked,
    /// Can be fetched, once.
    Ready,
    /// Could not be made; ask again.
    Failed,
    /// Was fetched.
    Fetched,
    /// Nobody fetched it in time.
    Gone,
}

/// A file with all data of a person. It is fetched at `/me/data` or over REST.
#[derive(SimpleObject)]
pub(crate) struct DataExport {
    /// Its number.
    id: i32,
    /// Where it is in its life.
    state: DataExportState,
    /// How much of it is made, 0 to 1.
    progress: f64,
    /// Its size in bytes, once it is made.
    size_bytes: f64,
    /// When it was asked for.
    requested_at: DateTime,
    /// Until when it can be fetched.
    expires_at: Option<DateTime>,
}

impl From<identity::DataExport> for DataExport {
    fn from(export: identity::DataExport) -> Self {
        Self {
            id: export.id,
            progress: export.progress(),
            state: export.state.into(),
            size_bytes: bytes(export.size_bytes),
            requested_at: DateTime(export.requested_at),
            expires_at: export.expires_at.map(DateTime),
        }
    }
}

/// A size as GraphQL's `Float`, exact up to 2^53; `Int` ends at 2 GiB.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "no file has 2^53 bytes"
)]
fn bytes(n: u64) -> f64 {
    n as f64
}

/// A wish to be erased.
#[derive(SimpleObject)]
pub(crate) struct Erasure {
    /// When it was asked for.
    requested_at: DateTime,
    /// When it is done, unless it is taken back before.
    due_at: DateTime,
}

impl From<identity::Erasure> for Erasure {
    fn from(erasure: identity::Erasure) -> Self {
        Self {
            requested_at: DateTime(erasure.requested_at),
            due_at: DateTime(erasure.due_at),
        }
    }
}

/// Who may see what of the viewer.
pub(crate) async fn visibility(ctx: &Context<'_>) -> Result<Vec<Visibility>> {
    let viewer = viewer(ctx)?;
    let held = viewer.app().identity.visibility(viewer.actor()).await;
    let held = held.map_err(|cause| refused(viewer, &cause))?;
    let rows = kernel::Platform::ALL.into_iter().map(|platform| {
        let of = |facet| Audience::from(held.audience(platform, facet));
        Visibility {
            platform: platform.into(),
            profile: of(Facet::Profile),
            activity: of(Facet::Activity),
            reputation: of(Facet::Reputation),
            communities: of(Facet::Communities),
        }
    });
    Ok(rows.collect())
}

/// The viewer's files.
pub(crate) async fn exports(ctx: &Context<'_>) -> Result<Vec<DataExport>> {
    let viewer = viewer(ctx)?;
    let found = viewer.app().identity.exports(viewer.actor()).await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    viewer.spend(ctx, found.len())?;
    Ok(found.into_iter().map(DataExport::from).collect())
}

/// Changes to what others may see of oneself, and to one's data.
#[derive(Default)]
pub(crate) struct PrivacyMutation;

#[Object]
impl PrivacyMutation {
    /// Decides who may see what of oneself; what is left out stays. Every change is a line in
    /// `consents`. Answers all of it.
    async fn set_visibility(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to change.", validator(max_items = 10))] entries: Vec<
            VisibilityInput,
        >,
    ) -> Result<Vec<Visibility>> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let identity = &viewer.app().identity;
        let held = identity.visibility(viewer.actor()).await;
        let mut wanted = held.map_err(|cause| refused(viewer, &cause))?;
        for entry in entries {
            let facets = [
                (Facet::Profile, entry.profile),
                (Facet::Activity, entry.activity),
                (Facet::Reputation, entry.reputation),
                (Facet::Communities, entry.communities),
            ];
            for (facet, audience) in facets {
                if let Some(audience) = audience {
                    wanted.set(entry.platform.into(), facet, audience.into());
                }
            }
        }
        let done = identity
            .change_visibility(viewer.actor(), &wanted, viewer.client())
            .await;
        done.map_err(|cause| change_refused(viewer, &cause.into()))?;
        visibility(ctx).await
    }

    /// Asks for one's own data as a file; one at a time. Needs a session that proved who it belongs
    /// to within five minutes, else `confirmSession` first.
    async fn request_data_export(&self, ctx: &Context<'_>) -> Result<Vec<DataExport>> {
        let viewer = viewer(ctx)?;
        let session = viewer.session()?;
        let identity = &viewer.app().identity;
        let asked = identity.request_export(viewer.actor(), session, None);
        asked
            .await
            .map_err(|cause| change_refused(viewer, &cause.into()))?;
        exports(ctx).await
    }

    /// Asks to be erased, in two weeks; it can be taken back until then. Needs a session that proved
    /// who it belongs to within five minutes, else `confirmSession` first.
    async fn request_erasure(&self, ctx: &Context<'_>) -> Result<Erasure> {
        let viewer = viewer(ctx)?;
        let session = viewer.session()?;
        let identity = &viewer.app().identity;
        let asked = identity.request_erasure(viewer.actor(), session, None);
        let erasure = asked
            .await
            .map_err(|cause| change_refused(viewer, &cause.into()))?;
        Ok(erasure.into())
    }

    /// Takes one's wish to be erased back. False if there was none.
    async fn cancel_erasure(&self, ctx: &Context<'_>) -> Result<bool> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        match viewer.app().identity.cancel_erasure(viewer.actor()).await {
            Ok(()) => Ok(true),
            Err(identity::IdentityError::NotFound) => Ok(false),
            Err(cause) => Err(change_refused(viewer, &cause.into())),
        }
    }
}
