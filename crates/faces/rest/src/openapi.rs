//! The OpenAPI 3.1 document, made from the routes themselves: what is not in the list is not served,
//! and what is served is described.

use std::sync::Arc;

use utoipa::{
    Modify, OpenApi,
    openapi::{
        ContentBuilder, ObjectBuilder, Ref, RefOr, Required, Response, ResponseBuilder, Type,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Face, alias, bots, command, community, connection, delivery, email, history, identity_link,
    instance, key, linked_role, member, merge, message, overview, passkey, privacy,
    problem::{FieldProblem, ProblemBody},
    repeat::{self, Keeps},
    second_factor, session, suggestion, suspicion, user, webhook, weight,
};

/// Where everything is.
pub(crate) const BASE: &str = "/api/v1";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "WaddleBot",
        description = "One community across Discord, Twitch and Slack. Every operation calls the service that the dashboard and GraphQL call too. What is wrong is a problem of RFC 9457 with a stable `code`. Lists take `limit` and `after`; their `next` and the header `Link` lead on. What is sensitive needs a session that proved within five minutes whose it is: `POST /auth/confirm`. Every change takes an `Idempotency-Key`, by which it is carried out once however often it is sent, unless it takes a password or a code.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "auth", description = "Signing in, second factor, sessions, API keys."),
        (name = "users", description = "People and their accounts."),
        (name = "privacy", description = "Who sees what, one's data as a file, being erased."),
        (name = "merges", description = "Making one person of two."),
        (name = "communities", description = "Communities and their settings."),
        (name = "webhooks", description = "Where a community's events go; what comes is described in the guide."),
        (name = "members", description = "Members, their roles and their reputation."),
        (name = "bots", description = "Which accounts look like bots, and what people said about them; nobody is banned by it."),
        (name = "messages", description = "What was said, and where."),
        (name = "commands", description = "Chat commands: the community's own and the program's."),
        (name = "connections", description = "Where a community is connected."),
        (name = "instance", description = "The instance, for those who run it."),
        (name = "deliveries", description = "What is said in a community's name, and what became of it."),
    ),
    security(("session" = []), ("key" = []), ("bearer" = [])),
    components(schemas(ProblemBody, FieldProblem)),
    modifiers(&Shared)
)]
struct Document;

/// What all operations have in common.
struct Shared;

impl Modify for Shared {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let key = |name: &str| ApiKeyValue::new(name);
        for (name, scheme) in [
            (
                "session",
                SecurityScheme::ApiKey(ApiKey::Cookie(key(app::session::SECURE_COOKIE))),
            ),
            (
                "key",
                SecurityScheme::ApiKey(ApiKey::Header(key("X-API-Key"))),
            ),
            (
                "bearer",
                SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
            ),
        ] {
            components.add_security_scheme(name, scheme);
        }
    }
}

/// Every route.
pub(crate) fn routes() -> OpenApiRouter<Arc<Face>> {
    let api = OpenApiRouter::new()
        .routes(routes!(session::ways))
        .routes(routes!(session::login))
        .routes(routes!(session::finish_second_factor))
        .routes(routes!(session::logout))
        .routes(routes!(session::confirmation, session::confirm))
        .routes(routes!(session::change_password))
        .routes(routes!(session::sessions))
        .routes(routes!(session::end_session))
        .routes(routes!(
            second_factor::show,
            second_factor::begin,
            second_factor::disable
        ))
        .routes(routes!(second_factor::confirm))
        .routes(routes!(second_factor::renew))
        .routes(routes!(email::show, email::begin))
        .routes(routes!(email::confirm))
        .routes(routes!(email::forgot))
        .routes(routes!(email::reset))
        .routes(routes!(email::register))
        .routes(routes!(email::finish_registration))
        .routes(routes!(passkey::list, passkey::add))
        .routes(routes!(passkey::begin))
        .routes(routes!(passkey::rename, passkey::remove))
        .routes(routes!(passkey::begin_confirmation))
        .routes(routes!(passkey::confirm))
        .routes(routes!(passkey::begin_sign_in))
        .routes(routes!(passkey::sign_in))
        .routes(routes!(passkey::begin_second_factor))
        .routes(routes!(passkey::second_factor))
        .routes(routes!(key::list, key::create))
        .routes(routes!(key::regenerate))
        .routes(routes!(key::revoke))
        .routes(routes!(user::me, user::change))
        .routes(routes!(user::show))
        .routes(routes!(user::reputation))
        .routes(routes!(user::activity))
        .routes(routes!(user::feed))
        .routes(routes!(user::reputations))
        .routes(routes!(identity_link::list))
        .routes(routes!(
            identity_link::primary,
            identity_link::choose_primary,
            identity_link::no_primary
        ))
        .routes(routes!(identity_link::link))
        .routes(routes!(identity_link::unlink))
        .routes(routes!(identity_link::chat_code))
        .routes(routes!(identity_link::verifications))
        .routes(routes!(linked_role::list))
        .routes(routes!(linked_role::link))
        .routes(routes!(linked_role::push))
        .routes(routes!(linked_role::stop))
        .routes(routes!(privacy::visibility, privacy::change_visibility))
        .routes(routes!(privacy::consents))
        .routes(routes!(privacy::exports, privacy::request_export))
        .routes(routes!(privacy::fetch_export))
        .routes(routes!(
            privacy::erasure,
            privacy::request_erasure,
            privacy::cancel_erasure
        ))
        .routes(routes!(merge::own))
        .routes(routes!(merge::all, merge::request))
        .routes(routes!(merge::show))
        .routes(routes!(merge::confirm))
        .routes(routes!(merge::reject))
        .routes(routes!(merge::undo))
        .routes(routes!(suggestion::own))
        .routes(routes!(suggestion::dismiss_own, suggestion::restore_own))
        .routes(routes!(suggestion::all))
        .routes(routes!(suggestion::list))
        .routes(routes!(suggestion::of_member))
        .routes(routes!(suggestion::dismiss, suggestion::restore))
        .routes(routes!(weight::list, weight::change))
        .routes(routes!(suspicion::list))
        .routes(routes!(suspicion::of_member))
        .routes(routes!(suspicion::decide))
        .routes(routes!(bots::setting::show, bots::setting::change))
        .routes(routes!(bots::channel::show, bots::channel::choose))
        .routes(routes!(bots::case::list))
        .routes(routes!(bots::case::counts))
        .routes(routes!(bots::case::next))
        .routes(routes!(bots::case::show))
        .routes(routes!(bots::case::look))
        .routes(routes!(bots::case::review, bots::case::undo))
        .routes(routes!(bots::case::suspects))
        .routes(routes!(bots::case::review_suspect))
        .routes(routes!(bots::report::waiting, bots::report::create))
        .routes(routes!(bots::appeal::own))
        .routes(routes!(bots::appeal::create))
        .routes(routes!(bots::appeal::list))
        .routes(routes!(bots::appeal::answer))
        .routes(routes!(bots::list::list))
        .routes(routes!(bots::list::choose))
        .routes(routes!(bots::score::of_community))
        .routes(routes!(bots::score::list))
        .routes(routes!(bots::score::of_person))
        .routes(routes!(bots::score::predictions))
        .routes(routes!(bots::score::histogram))
        .routes(routes!(bots::score::what_if))
        .routes(routes!(bots::score::recompute))
        .routes(routes!(bots::score::infer))
        .routes(routes!(bots::correction::list, bots::correction::put))
        .routes(routes!(bots::correction::listed))
        .routes(routes!(bots::correction::labels))
        .routes(routes!(bots::correction::put_everywhere))
        .routes(routes!(bots::list::remove))
        .routes(routes!(bots::model::list))
        .routes(routes!(bots::model::show))
        .routes(routes!(bots::model::compare))
        .routes(routes!(bots::shadow::show))
        .routes(routes!(bots::model::file))
        .routes(routes!(bots::model::promote))
        .routes(routes!(bots::model::retire))
        .routes(routes!(bots::model::roll_back))
        .routes(routes!(bots::trial::trainings, bots::trial::train))
        .routes(routes!(bots::trial::training))
        .routes(routes!(bots::trial::rollouts, bots::trial::start_rollout))
        .routes(routes!(bots::trial::advance))
        .routes(routes!(bots::trial::halt))
        .routes(routes!(
            bots::trial::experiments,
            bots::trial::start_experiment
        ))
        .routes(routes!(bots::trial::stop_experiment))
        .routes(routes!(bots::watch::of_community))
        .routes(routes!(bots::watch::of_instance))
        .routes(routes!(bots::watch::alerts))
        .routes(routes!(bots::watch::clear))
        .routes(routes!(instance::health))
        .routes(routes!(instance::status))
        .routes(routes!(instance::usage))
        .routes(routes!(instance::jobs))
        .routes(routes!(instance::replay))
        .routes(routes!(instance::discard))
        .routes(routes!(instance::quarantine))
        .routes(routes!(instance::mails))
        .routes(routes!(instance::mail))
        .routes(routes!(instance::audit))
        .routes(routes!(instance::verify))
        .routes(routes!(community::list, community::create))
        .routes(routes!(community::show, community::change))
        .routes(routes!(overview::summary))
        .routes(routes!(overview::overview))
        .routes(routes!(history::imports))
        .routes(routes!(history::retention))
        .routes(routes!(message::list))
        .routes(routes!(message::channels))
        .routes(routes!(command::list, command::create))
        .routes(routes!(command::show, command::change, command::remove))
        .routes(routes!(command::built_in))
        .routes(routes!(command::set))
        .routes(routes!(connection::servers))
        .routes(routes!(connection::list))
        .routes(routes!(connection::install))
        .routes(routes!(connection::show, connection::disconnect))
        .routes(routes!(connection::channels))
        .routes(routes!(connection::choose))
        .routes(routes!(connection::test))
        .routes(routes!(delivery::list, delivery::say))
        .routes(routes!(delivery::show, delivery::take_back))
        .routes(routes!(delivery::cancel))
        .routes(routes!(delivery::retry))
        .routes(routes!(delivery::edit))
        .routes(routes!(webhook::list, webhook::create))
        .routes(routes!(webhook::show, webhook::change, webhook::remove))
        .routes(routes!(webhook::rotate))
        .routes(routes!(webhook::pause))
        .routes(routes!(webhook::resume))
        .routes(routes!(webhook::ping))
        .routes(routes!(webhook::replay_failed))
        .routes(routes!(webhook::messages))
        .routes(routes!(webhook::message))
        .routes(routes!(webhook::replay))
        .routes(routes!(member::list))
        .routes(routes!(member::show))
        .routes(routes!(member::set_role, member::end_role))
        .routes(routes!(member::history, member::adjust))
        .routes(routes!(member::leaders))
        .routes(routes!(member::at_risk));
    OpenApiRouter::with_openapi(Document::openapi()).nest(BASE, api)
}

/// The document as JSON.
pub fn document() -> String {
    let (_, mut document) = routes().split_for_parts();
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in [
            ("post", &mut item.post),
            ("put", &mut item.put),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ] {
            if let (Some(operation), Some(keeps)) = (operation, repeat::keeps(method, path)) {
                add_key(operation, keeps);
            }
        }
    }
    alias::describe(&mut document);
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("put", &mut item.put),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ] {
            let Some(operation) = operation else { continue };
            operation.operation_id = Some(name(method, path));
            add_problems(operation);
        }
    }
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// The name of an operation for generated clients: `get_users_user_reputation`.
fn name(method: &str, path: &str) -> String {
    let parts = path.strip_prefix(BASE).unwrap_or(path).split('/');
    let parts = parts.filter(|part| !part.is_empty());
    let plain = |part: &str| part.replace(['{', '}'], "").replace('-', "_");
    let parts: Vec<String> = parts.map(plain).collect();
    format!("{method}_{}", parts.join("_"))
}

/// Says what an `Idempotency-Key` does, unless the operation says that it needs one.
fn add_key(operation: &mut Operation, keeps: Keeps) {
    const NAME: &str = "Idempotency-Key";
    let parameters = operation.parameters.get_or_insert_default();
    let has = |one: &RefOr<Parameter>| matches!(one, RefOr::T(one) if one.name == NAME);
    if parameters.iter().any(has) {
        return;
    }
    let again = match keeps {
        Keeps::Everything => {
            "sent again within a day with the same key and content it is not carried out again, and answered alike (`Idempotency-Replayed: true`)"
        }
        Keeps::NoAnswer => {
            "sent again within a day with the same key and content it is not carried out again, and answered with 409, because what it answers is shown once and not kept"
        }
    };
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(repeat::KEY_MAX));
    let parameter = ParameterBuilder::new()
        .name(NAME)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(format!("Chosen by the caller: {again}.")))
        .schema(Some(text));
    parameters.push(RefOr::T(parameter.build()));
}

/// Every operation may answer with these.
const PROBLEMS: [(&str, &str); 12] = [
    ("400", "The request cannot be read."),
    ("401", "Sign in first, or a proof was wrong."),
    ("403", "Not allowed, or not with an API key."),
    ("404", "There is no such thing, or it is not for the asker."),
    ("409", "It cannot be done as things are."),
    ("412", "It has changed since it was read."),
    ("413", "The body is too large."),
    ("415", "The body is not JSON."),
    ("422", "A field is wrong; `errors` says which and why."),
    (
        "429",
        "Too many requests; `Retry-After` says when to come back.",
    ),
    ("500", "A fault of ours; the log has it under `instance`."),
    ("503", "Something that is needed is away; try again later."),
];

/// What a success means, where the operation does not say more.
fn success(status: &str) -> &'static str {
    match status {
        "201" => "It was made.",
        "202" => "It was taken and is being carried out.",
        "204" => "It is done; there is nothing to tell.",
        _ => "What was asked for.",
    }
}

fn add_problems(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            success(status).clone_into(&mut response.description);
        }
    }
    let problem = |description: &str| -> RefOr<Response> {
        let schema = Ref::from_schema_name("ProblemBody");
        let content = ContentBuilder::new().schema(Some(schema)).build();
        ResponseBuilder::new()
            .description(description)
            .content("application/problem+json", content)
            .build()
            .into()
    };
    for (status, description) in PROBLEMS {
        let all = &mut operation.responses.responses;
        all.entry(status.to_owned())
            .or_insert_with(|| problem(description));
    }
}
