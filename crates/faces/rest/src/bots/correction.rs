//! What moderators say about accounts and domains, whatever lists say: `/communities/{id}/bots/corrections`; what lists say
//! of one; and how many labels there are to learn from.

use std::sync::Arc;

use ::bots::{Correction, LabelCount, Listable, Listed as Found, Listing, Ruling};
use axum::{Json, extract::State, http::StatusCode};
use kernel::{CommunityId, Platform};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Face,
    asker::SignedIn,
    input::{Body, Path, Query},
    page::{List, Listed, PageParams, Paging},
    problem::Problem,
    view::{Moment, PlatformName},
};

/// What a moderator says about an account or a domain.
#[derive(Serialize, Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RulingName {
    /// It is unwanted, whether a list has it or not.
    Right,
    /// It is not: no list counts.
    Wrong,
    /// It is a bot that is used here, or a domain that belongs to one.
    Service,
}

impl From<Ruling> for RulingName {
    fn from(ruling: Ruling) -> Self {
        match ruling {
            Ruling::Right => Self::Right,
            Ruling::Wrong => Self::Wrong,
            Ruling::Service => Self::Service,
        }
    }
}

impl From<RulingName> for Ruling {
    fn from(name: RulingName) -> Self {
        match name {
            RulingName::Right => Self::Right,
            RulingName::Wrong => Self::Wrong,
            RulingName::Service => Self::Service,
        }
    }
}

/// What a moderator said.
#[derive(Serialize, ToSchema)]
pub(crate) struct CorrectionView {
    /// The name of the account, or the domain.
    name: String,
    /// Of an account: where it is; null for a domain.
    platform: Option<PlatformName>,
    /// What it is.
    ruling: RulingName,
    /// Why.
    reason: String,
    /// The community that said so; null = whoever runs the instance, for all.
    community_id: Option<i32>,
    /// Who said so; null = the program, or somebody who was erased since.
    decided_by: Option<i32>,
    /// When.
    decided_at: Moment,
}

impl From<Correction> for CorrectionView {
    fn from(correction: Correction) -> Self {
        Self {
            name: correction.what.value().to_owned(),
            platform: correction.what.platform().map(PlatformName::from),
            ruling: correction.ruling.into(),
            reason: correction.reason,
            community_id: correction.community.map(|community| community.0),
            decided_by: correction.decided_by.map(|user| user.0),
            decided_at: correction.decided_at.into(),
        }
    }
}

/// What to say about an account or a domain.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCorrection {
    /// The name of the account, or the domain.
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    /// Of an account: where it is; left out for a domain.
    platform: Option<PlatformName>,
    /// What it is; null takes back what was said.
    ruling: Option<RulingName>,
    /// Why, on one line.
    #[serde(default)]
    #[schema(max_length = 200)]
    reason: String,
}

/// An account or a domain.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// The name of the account, or the domain.
    name: String,
    /// Of an account: where it is; left out for a domain.
    platform: Option<PlatformName>,
}

/// That something is on a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListingView {
    /// The list's name.
    list: String,
    /// What the list is of: `unwanted`, `service`, `dangerous` or `suspicious`.
    kind: String,
    /// Where the list comes from.
    source: String,
    /// Why.
    reason: String,
    /// Since when.
    listed_at: Moment,
    /// After how many days it counts half; 0 = it does not fade.
    half_life_days: u32,
}

impl From<Listing> for ListingView {
    fn from(listing: Listing) -> Self {
        Self {
            list: listing.list,
            kind: listing.kind.as_str().to_owned(),
            source: listing.source,
            reason: listing.reason,
            listed_at: listing.listed_at.into(),
            half_life_days: listing.half_life_days,
        }
    }
}

/// What lists and corrections say about an account or a domain.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListedView {
    /// The lists that count in the community and have it.
    listings: Vec<ListingView>,
    /// The correction that holds there.
    correction: Option<CorrectionView>,
}

impl From<Found> for ListedView {
    fn from(found: Found) -> Self {
        Self {
            listings: found.listings.into_iter().map(ListingView::from).collect(),
            correction: found.correction.map(CorrectionView::from),
        }
    }
}

/// How many labels say the same.
#[derive(Serialize, ToSchema)]
pub(crate) struct LabelCountView {
    /// Who says so: `review`, `rules`, `list`, `service` or `imported`.
    source: String,
    /// What.
    is_bot: bool,
    /// How many.
    n: u64,
}

impl From<LabelCount> for LabelCountView {
    fn from(label: LabelCount) -> Self {
        Self {
            source: label.source.as_str().to_owned(),
            is_bot: label.is_bot,
            n: label.n,
        }
    }
}

fn listable(name: String, platform: Option<PlatformName>) -> Listable {
    match platform {
        Some(platform) => Listable::Account(Platform::from(platform), name),
        None => Listable::Domain(name),
    }
}

/// What a community's moderators said about accounts and domains, by name. For moderators.
#[utoipa::path(get, path = "/communities/{community}/bots/corrections", tag = "bots", params(("community" = i32, Path, description = "The community's id."), PageParams), responses((status = 200, body = List<CorrectionView>)))]
pub(crate) async fn list(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    paging: Paging,
) -> Result<Listed<CorrectionView>, Problem> {
    let (bots, community) = (&face.app.bots, CommunityId(community));
    let page = bots
        .corrections(&who.actor, community, &paging.request)
        .await?;
    Ok(paging.answer(page, CorrectionView::from))
}

/// Says in a community what an account or a domain is. The same again changes nothing. For moderators.
#[utoipa::path(put, path = "/communities/{community}/bots/corrections", tag = "bots", params(("community" = i32, Path, description = "The community's id.")), request_body = NewCorrection, responses((status = 204)))]
pub(crate) async fn put(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    Body(new): Body<NewCorrection>,
) -> Result<StatusCode, Problem> {
    let (bots, community) = (&face.app.bots, CommunityId(community));
    let what = listable(new.name, new.platform);
    let ruling = new.ruling.map(Ruling::from);
    bots.correct(&who.actor, community, &what, ruling, &new.reason)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What lists and corrections say about an account or a domain in a community. For moderators.
#[utoipa::path(get, path = "/communities/{community}/bots/listed", tag = "bots", params(("community" = i32, Path, description = "The community's id."), Wanted), responses((status = 200, body = ListedView)))]
pub(crate) async fn listed(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<ListedView>, Problem> {
    let (bots, community) = (&face.app.bots, CommunityId(community));
    let what = listable(wanted.name, wanted.platform);
    let found = bots.listed(&who.actor, community, &what).await?;
    Ok(Json(found.into()))
}

/// How many labels a community has, by source: what models learn from. For moderators.
#[utoipa::path(get, path = "/communities/{community}/bots/label-counts", tag = "bots", params(("community" = i32, Path, description = "The community's id.")), responses((status = 200, body = List<LabelCountView>)))]
pub(crate) async fn labels(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
) -> Result<Json<List<LabelCountView>>, Problem> {
    let bots = &face.app.bots;
    let found = bots
        .label_counts(&who.actor, CommunityId(community))
        .await?;
    Ok(List::whole(
        found.into_iter().map(LabelCountView::from).collect(),
    ))
}

/// Says what an account or a domain is in all communities that do not say otherwise themselves. For those who run the
/// instance.
#[utoipa::path(put, path = "/bots/corrections", tag = "bots", request_body = NewCorrection, responses((status = 204)))]
pub(crate) async fn put_everywhere(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Body(new): Body<NewCorrection>,
) -> Result<StatusCode, Problem> {
    let what = listable(new.name, new.platform);
    let ruling = new.ruling.map(Ruling::from);
    let bots = &face.app.bots;
    bots.correct_everywhere(&who.actor, &what, ruling, &new.reason)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
