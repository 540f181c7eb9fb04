//! Every operation of the services has its route here, or a reason why it has none.

use std::collections::BTreeSet;

use app::operations::OPERATIONS;

use super::documents::operations;

/// What a route does, by the operation that its handler calls.
const IN_REST: &[(&str, &str)] = &[
    ("identity.sessions", "GET /auth/sessions"),
    ("identity.revoke_session", "DELETE /auth/sessions/{id}"),
    ("identity.change_password", "PUT /auth/password"),
    ("identity.api_keys", "GET /auth/api-keys"),
    ("identity.create_api_key", "POST /auth/api-keys"),
    (
        "identity.regenerate_api_key",
        "POST /auth/api-keys/{id}/regenerate",
    ),
    ("identity.revoke_api_key", "DELETE /auth/api-keys/{id}"),
    ("identity.communities", "GET /communities"),
    ("identity.community", "GET /communities/{community}"),
    ("identity.create_community", "POST /communities"),
    (
        "identity.update_community",
        "PATCH /communities/{community}",
    ),
    ("identity.servers", "GET /communities/{community}/servers"),
    (
        "identity.connections",
        "GET /communities/{community}/connections",
    ),
    (
        "identity.connection",
        "GET /communities/{community}/connections/{id}",
    ),
    ("identity.second_factor", "GET /auth/totp"),
    ("identity.begin_totp", "POST /auth/totp"),
    ("identity.confirm_totp", "POST /auth/totp/confirm"),
    ("identity.disable_totp", "DELETE /auth/totp"),
    ("identity.renew_recovery_codes", "POST /auth/recovery-codes"),
    ("identity.confirm_session", "POST /auth/confirm"),
    ("identity.confirmation", "GET /auth/confirm"),
    ("identity.passkeys", "GET /auth/passkeys"),
    ("identity.begin_passkey", "POST /auth/passkeys/begin"),
    ("identity.add_passkey", "POST /auth/passkeys"),
    ("identity.rename_passkey", "PATCH /auth/passkeys/{id}"),
    ("identity.remove_passkey", "DELETE /auth/passkeys/{id}"),
    (
        "identity.begin_passkey_confirmation",
        "POST /auth/confirm/passkey/begin",
    ),
    (
        "identity.confirm_with_passkey",
        "POST /auth/confirm/passkey",
    ),
    ("identity.verifications", "GET /users/me/verifications"),
    ("identity.email_status", "GET /auth/email"),
    ("app.send_email_code", "POST /auth/email"),
    ("identity.confirm_email", "POST /auth/email/confirm"),
    ("identity.links", "GET /users/me/identities"),
    (
        "identity.choose_primary_link",
        "PUT /users/me/identities/primary",
    ),
    ("app.link_url", "POST /users/me/identities/link/{provider}"),
    ("app.unlink", "DELETE /users/me/identities/{identity}"),
    ("app.chat_code", "POST /users/me/identities/code/{platform}"),
    ("identity.own_profile", "PATCH /users/me"),
    ("identity.change_profile", "PATCH /users/me"),
    ("identity.profile", "GET /users/{user}"),
    ("identity.visibility", "GET /users/me/visibility"),
    ("identity.change_visibility", "PATCH /users/me/visibility"),
    ("identity.consents", "GET /users/me/consents"),
    ("identity.exports", "GET /users/me/exports"),
    ("identity.request_export", "POST /users/me/exports"),
    ("app.fetch_export", "POST /users/me/exports/{id}/fetch"),
    ("identity.erasure", "GET /users/me/erasure"),
    ("identity.request_erasure", "POST /users/me/erasure"),
    ("identity.cancel_erasure", "DELETE /users/me/erasure"),
    ("activity.own_feed", "GET /users/me/feed"),
    ("activity.activity_of", "GET /users/{user}/activity"),
    (
        "activity.retention_preview",
        "GET /communities/{community}/retention",
    ),
    ("identity.merges", "GET /users/me/merges"),
    ("identity.merge_preview", "GET /merges/{id}"),
    ("identity.confirm_merge", "POST /merges/{id}/confirm"),
    ("identity.reject_merge", "POST /merges/{id}/reject"),
    ("identity.undo_merge", "POST /merges/{id}/undo"),
    ("identity.request_merge", "POST /merges"),
    ("identity.all_merges", "GET /merges"),
    ("identity.own_suggestions", "GET /users/me/suggestions"),
    (
        "identity.dismiss_own_suggestion",
        "PUT /users/me/suggestions/{account}/{other}/dismissal",
    ),
    (
        "identity.restore_own_suggestion",
        "DELETE /users/me/suggestions/{account}/{other}/dismissal",
    ),
    (
        "identity.suggestions",
        "GET /communities/{community}/suggestions",
    ),
    (
        "identity.suggestions_of",
        "GET /communities/{community}/members/{user}/suggestions",
    ),
    (
        "identity.dismiss_suggestion",
        "PUT /communities/{community}/suggestions/{account}/{other}/dismissal",
    ),
    (
        "identity.restore_suggestion",
        "DELETE /communities/{community}/suggestions/{account}/{other}/dismissal",
    ),
    ("identity.all_suggestions", "GET /suggestions"),
    (
        "app.link_for_roles_url",
        "POST /users/me/linked-roles/link/{provider}",
    ),
    ("identity.linked_roles", "GET /users/me/linked-roles"),
    (
        "identity.push_roles",
        "POST /users/me/linked-roles/{id}/push",
    ),
    ("identity.stop_roles", "DELETE /users/me/linked-roles/{id}"),
    ("identity.roles", "GET /communities/{community}/members"),
    (
        "identity.set_role",
        "PUT /communities/{community}/members/{user}/role",
    ),
    ("activity.overview", "GET /communities/{community}/overview"),
    ("activity.summary", "GET /communities/{community}/summary"),
    ("activity.members", "GET /communities/{community}/members"),
    ("activity.own_reputation", "GET /users/me/reputations"),
    ("activity.reputation_of", "GET /users/{user}/reputation"),
    (
        "activity.member_card",
        "GET /communities/{community}/members/{user}",
    ),
    (
        "activity.reputation_history",
        "GET /communities/{community}/members/{user}/reputation",
    ),
    (
        "activity.standings",
        "GET /communities/{community}/reputation/leaderboard",
    ),
    (
        "activity.adjust_reputation",
        "POST /communities/{community}/members/{user}/reputation",
    ),
    (
        "identity.reputation_weights",
        "GET /communities/{community}/reputation/weights",
    ),
    (
        "identity.set_reputation_weights",
        "PATCH /communities/{community}/reputation/weights",
    ),
    (
        "activity.suspicions",
        "GET /communities/{community}/suspicions",
    ),
    (
        "activity.suspicions_of",
        "GET /communities/{community}/members/{user}/suspicions",
    ),
    (
        "activity.decide_suspicion",
        "PUT /communities/{community}/suspicions/{id}/state",
    ),
    (
        "activity.recent_messages",
        "GET /communities/{community}/messages",
    ),
    (
        "activity.channel_names",
        "GET /communities/{community}/channels",
    ),
    ("activity.imports", "GET /communities/{community}/imports"),
    (
        "community.custom_commands",
        "GET /communities/{community}/commands",
    ),
    (
        "community.find_command",
        "GET /communities/{community}/commands/{name}",
    ),
    (
        "community.command_settings",
        "GET /communities/{community}/built-in-commands",
    ),
    (
        "community.add_command",
        "POST /communities/{community}/commands",
    ),
    (
        "community.edit_command",
        "PATCH /communities/{community}/commands/{name}",
    ),
    (
        "community.remove_command",
        "DELETE /communities/{community}/commands/{name}",
    ),
    (
        "community.set_command",
        "PUT /communities/{community}/built-in-commands/{name}",
    ),
    ("activity.quarantined", "GET /instance/quarantine"),
    (
        "app.install_url",
        "POST /communities/{community}/connections/install/{platform}",
    ),
    (
        "app.channels",
        "GET /communities/{community}/connections/{id}/channels",
    ),
    (
        "app.choose_channel",
        "PUT /communities/{community}/connections/{id}/channel",
    ),
    (
        "app.test_connection",
        "POST /communities/{community}/connections/{id}/test",
    ),
    (
        "app.disconnect",
        "DELETE /communities/{community}/connections/{id}",
    ),
    ("app.say", "POST /communities/{community}/deliveries"),
    (
        "deliveries.get",
        "GET /communities/{community}/deliveries/{id}",
    ),
    ("deliveries.list", "GET /communities/{community}/deliveries"),
    (
        "deliveries.cancel",
        "POST /communities/{community}/deliveries/{id}/cancel",
    ),
    (
        "deliveries.retry",
        "POST /communities/{community}/deliveries/{id}/retry",
    ),
    (
        "deliveries.edit",
        "PUT /communities/{community}/deliveries/{id}/words",
    ),
    (
        "deliveries.take_back",
        "DELETE /communities/{community}/deliveries/{id}",
    ),
    ("webhooks.webhooks", "GET /communities/{community}/webhooks"),
    ("webhooks.create", "POST /communities/{community}/webhooks"),
    (
        "webhooks.webhook",
        "GET /communities/{community}/webhooks/{id}",
    ),
    (
        "webhooks.change",
        "PATCH /communities/{community}/webhooks/{id}",
    ),
    (
        "webhooks.remove",
        "DELETE /communities/{community}/webhooks/{id}",
    ),
    (
        "webhooks.rotate",
        "POST /communities/{community}/webhooks/{id}/secret",
    ),
    (
        "webhooks.pause",
        "POST /communities/{community}/webhooks/{id}/pause",
    ),
    (
        "webhooks.resume",
        "POST /communities/{community}/webhooks/{id}/resume",
    ),
    (
        "webhooks.ping",
        "POST /communities/{community}/webhooks/{id}/ping",
    ),
    (
        "webhooks.replay_failed",
        "POST /communities/{community}/webhooks/{id}/replay",
    ),
    (
        "webhooks.messages",
        "GET /communities/{community}/webhooks/{id}/messages",
    ),
    (
        "webhooks.message",
        "GET /communities/{community}/webhooks/{id}/messages/{message}",
    ),
    (
        "webhooks.replay",
        "POST /communities/{community}/webhooks/{id}/messages/{message}/replay",
    ),
    ("bots.setting", "GET /communities/{community}/bots/setting"),
    (
        "bots.change_setting",
        "PUT /communities/{community}/bots/setting",
    ),
    ("bots.channel", "GET /communities/{community}/bots/channel"),
    (
        "app.choose_bot_channel",
        "PUT /communities/{community}/bots/channel",
    ),
    ("bots.lists", "GET /communities/{community}/bots/lists"),
    (
        "bots.use_list",
        "PUT /communities/{community}/bots/lists/{list}/use",
    ),
    ("bots.cases", "GET /communities/{community}/bots/cases"),
    (
        "bots.suspects",
        "GET /communities/{community}/bots/suspects",
    ),
    (
        "bots.next_case",
        "GET /communities/{community}/bots/cases/next",
    ),
    (
        "bots.case",
        "GET /communities/{community}/bots/cases/{case}",
    ),
    (
        "bots.case_counts",
        "GET /communities/{community}/bots/case-counts",
    ),
    (
        "bots.look_at_case",
        "POST /communities/{community}/bots/cases/{case}/look",
    ),
    (
        "bots.review",
        "PUT /communities/{community}/bots/cases/{case}/verdict",
    ),
    (
        "bots.undo_review",
        "DELETE /communities/{community}/bots/cases/{case}/verdict",
    ),
    ("bots.report", "POST /communities/{community}/bots/reports"),
    (
        "bots.waiting_reports",
        "GET /communities/{community}/bots/reports",
    ),
    (
        "bots.community_score",
        "GET /communities/{community}/bots/score",
    ),
    ("bots.scores", "GET /communities/{community}/bots/scores"),
    (
        "bots.score_of",
        "GET /communities/{community}/bots/scores/{user}",
    ),
    (
        "bots.history",
        "GET /communities/{community}/bots/accounts/{account}/predictions",
    ),
    (
        "bots.histogram",
        "GET /communities/{community}/bots/histogram",
    ),
    ("bots.what_if", "GET /communities/{community}/bots/what-if"),
    (
        "bots.expected_errors",
        "GET /communities/{community}/bots/what-if",
    ),
    (
        "bots.recompute",
        "POST /communities/{community}/bots/recompute",
    ),
    ("bots.infer", "POST /bots/score"),
    (
        "bots.corrections",
        "GET /communities/{community}/bots/corrections",
    ),
    (
        "bots.correct",
        "PUT /communities/{community}/bots/corrections",
    ),
    ("bots.listed", "GET /communities/{community}/bots/listed"),
    (
        "bots.label_counts",
        "GET /communities/{community}/bots/label-counts",
    ),
    ("bots.remove_list", "DELETE /bots/lists/{list}"),
    ("bots.correct_everywhere", "PUT /bots/corrections"),
    ("bots.models", "GET /bots/models"),
    ("bots.model", "GET /bots/models/{model}"),
    (
        "bots.compare_models",
        "GET /bots/models/{model}/comparison/{other}",
    ),
    ("bots.shadow", "GET /bots/models/{model}/shadow"),
    ("bots.model_file", "GET /bots/models/{model}/file"),
    ("bots.promote_model", "POST /bots/models/{model}/promote"),
    ("bots.retire_model", "POST /bots/models/{model}/retire"),
    ("bots.roll_back_model", "POST /bots/models/rollback"),
    ("bots.trainings", "GET /bots/trainings"),
    ("bots.training", "GET /bots/trainings/{training}"),
    ("bots.start_training", "POST /bots/trainings"),
    ("bots.rollouts", "GET /bots/rollouts"),
    ("bots.start_rollout", "POST /bots/rollouts"),
    (
        "bots.advance_rollout",
        "POST /bots/rollouts/{rollout}/advance",
    ),
    ("bots.halt_rollout", "POST /bots/rollouts/{rollout}/halt"),
    ("bots.experiments", "GET /bots/experiments"),
    ("bots.start_experiment", "POST /bots/experiments"),
    (
        "bots.stop_experiment",
        "POST /bots/experiments/{experiment}/stop",
    ),
    (
        "bots.monitoring",
        "GET /communities/{community}/bots/monitoring",
    ),
    ("bots.instance_monitoring", "GET /bots/monitoring"),
    ("bots.alerts", "GET /bots/alerts"),
    ("bots.clear_alert", "POST /bots/alerts/{alert}/clear"),
    ("bots.appeals", "GET /communities/{community}/bots/appeals"),
    (
        "bots.answer_appeal",
        "PUT /communities/{community}/bots/appeals/{appeal}/answer",
    ),
    ("bots.own_verdicts", "GET /users/me/bot-verdicts"),
    ("bots.appeal", "POST /users/me/bot-verdicts/{case}/appeals"),
    ("app.status", "GET /instance"),
    ("app.api_usage", "GET /instance/usage"),
    ("app.dead_letters", "GET /instance/jobs"),
    ("app.replay_job", "POST /instance/jobs/{id}/replay"),
    ("app.discard_job", "DELETE /instance/jobs/{id}"),
    ("app.outbox", "GET /instance/mails"),
    ("app.outbox_mail", "GET /instance/mails/{name}"),
    ("app.audit", "GET /instance/audit"),
    ("app.verify_audit", "GET /instance/audit/verification"),
];

const COMMAND_LINE: &str =
    "lets whoever holds the answer be somebody else: on the command line of the machine only";
const WITHIN: &str = "a part of the operation of `app` that also tells the mailbox or the platform";
const BROWSER: &str = "a browser comes back from a platform to a page with a code and a state";
const MANY: &str = "the same for many at once, for lists of other faces";
const KEPT: &str = "the same, some seconds old, for a page that shows it beside other things";
const READER: &str = "whoever reads a file on the machine begins and ends its import";
const LIVE: &str = "live chat comes over GraphQL's subscriptions: WebSocket or server-sent events";
const PAGES: &str = "pages follow it while somebody looks; who asks again is told the same";
const STAGE: &str = "only the demo has a stage, and its page is for looking";

/// The detection of bots has a service and no face yet.
const FILES: &str =
    "files are larger than a body may be: the command line reads them where they are";

/// What has no route, and why.
const NOT_IN_REST: &[(&str, &str)] = &[
    (
        "bots.waiting",
        "the menu of the pages counts by it; cases, appeals and the event `bots.burst` tell it in whole",
    ),
    ("identity.me", "`GET /users/me` tells more"),
    ("identity.issue_sign_in_link", COMMAND_LINE),
    ("identity.create_admin", COMMAND_LINE),
    ("identity.reset_password", COMMAND_LINE),
    ("identity.reset_second_factor", COMMAND_LINE),
    ("identity.find_by_email", COMMAND_LINE),
    (
        "identity.community_by_slug",
        "lists tell the id of a slug; addresses hold ids",
    ),
    ("identity.find_or_create_community", READER),
    ("identity.servers_of", MANY),
    (
        "identity.connect_server",
        "an install proves that a server is theirs, a request does not",
    ),
    ("identity.begin_install", WITHIN),
    ("identity.redeem_install", BROWSER),
    ("identity.finish_install", BROWSER),
    ("app.complete_install", BROWSER),
    ("identity.choose_channel", WITHIN),
    ("bots.choose_channel", WITHIN),
    ("identity.disconnect", WITHIN),
    ("identity.begin_email", WITHIN),
    ("identity.redeem_state", BROWSER),
    ("identity.begin_link", WITHIN),
    ("identity.finish_link", BROWSER),
    ("app.complete_sign_in", BROWSER),
    ("identity.begin_chat_code", WITHIN),
    ("identity.take_export", WITHIN),
    ("identity.unlink", WITHIN),
    ("identity.connections_of", MANY),
    ("identity.profiles", MANY),
    ("identity.roles_of", MANY),
    ("activity.overviews", MANY),
    ("activity.members_of", MANY),
    ("activity.member_counts", MANY),
    ("activity.accounts_of", MANY),
    ("activity.reputations_of", MANY),
    ("activity.recent_messages_of", MANY),
    (
        "app.answer_to",
        "a platform tells what somebody picked in chat",
    ),
    (
        "deliveries.post_once_in",
        "a part of the program's own changes",
    ),
    ("activity.summaries", MANY),
    ("identity.communities_of", MANY),
    ("identity.connections_of", MANY),
    ("identity.profiles", MANY),
    ("identity.roles_of", MANY),
    ("activity.accounts_of", MANY),
    ("activity.member_counts", MANY),
    ("activity.members_at", MANY),
    ("activity.members_of", MANY),
    ("activity.messages_by_id", MANY),
    (
        "activity.messages_of_account",
        "the page of a case shows them to who decides it; `GET …/messages` has everybody's",
    ),
    ("activity.overviews", MANY),
    ("activity.recent_messages_of", MANY),
    ("activity.reputations_of", MANY),
    ("deliveries.tries_of", MANY),
    (
        "activity.member_count",
        "`GET /communities/{community}/summary` tells it",
    ),
    ("activity.accounts", MANY),
    ("activity.reputations", MANY),
    ("activity.live", LIVE),
    ("activity.stream_since", LIVE),
    ("activity.begin_import", READER),
    ("activity.finish_import", READER),
    (
        "activity.purge",
        "takes longer than a request may; the nightly job does it by `retention_days`",
    ),
    ("community.use_command", "chat counts the uses"),
    ("activity.quarantined_count", "`GET /instance` tells it"),
    (
        "deliveries.post",
        "goes to any place at all: `POST …/deliveries` looks whose the place is",
    ),
    ("deliveries.post_in", "a part of the program's own changes"),
    (
        "deliveries.post_many",
        "broadcasts come with their own domain",
    ),
    (
        "deliveries.post_many_in",
        "a part of the program's own changes",
    ),
    ("bots.scores_of", MANY),
    ("bots.cases_by_id", MANY),
    ("bots.community_scores", MANY),
    ("bots.recent_score", KEPT),
    ("bots.suspects_of", MANY),
    ("app.follow_bot_score", LIVE),
    ("app.follow_case", PAGES),
    ("app.follow_training", PAGES),
    ("bots.import_list", FILES),
    (
        "bots.called",
        "chat says names and mentions; elsewhere an account has an id",
    ),
    (
        "bots.training_of_model",
        "`GET /bots/trainings` says of each which model came of it",
    ),
    ("bots.import_labels", FILES),
    ("bots.add_model", FILES),
    ("app.company", STAGE),
    ("app.speak", STAGE),
];

#[test]
fn every_operation_has_its_route_or_a_reason_why_not() {
    let served: BTreeSet<String> = operations()
        .into_iter()
        .map(|(method, path, _)| {
            let path = path.strip_prefix("/api/v1").unwrap();
            format!("{method} {path}")
        })
        .collect();
    for operation in OPERATIONS {
        let name = operation.name;
        let routes = IN_REST.iter().filter(|(one, _)| *one == name).count();
        let reasons = NOT_IN_REST.iter().filter(|(one, _)| *one == name).count();
        assert!(
            (routes > 0) != (reasons > 0),
            "{name} needs a route (then a row in IN_REST) or a row in NOT_IN_REST"
        );
    }
    for (name, route) in IN_REST {
        assert!(
            OPERATIONS.iter().any(|one| one.name == *name),
            "{name} is no operation"
        );
        assert!(served.contains(*route), "{name}: there is no route {route}");
    }
    for (name, reason) in NOT_IN_REST {
        assert!(
            OPERATIONS.iter().any(|one| one.name == *name),
            "{name} is no operation"
        );
        assert!(!reason.is_empty());
    }
}
